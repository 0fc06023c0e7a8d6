// SPDX-License-Identifier: Apache-2.0

/// A name made of pieces of a request: `{collection}` a variable of the path, `{?run_id}` a query parameter, `{/model}`
/// what a JSON pointer finds in the body. A pointer that finds several gives several names; one that finds none gives
/// no name. `{?path:first}` is what stands before the first slash.
struct TextTemplate: Sendable {
    enum Part: Sendable {
        case text(String)
        /// Index of the path template's variable.
        case variable(Int)
        case query(String)
        /// Index of the finding. What it finds must be a text or a number.
        case body(Int)
    }

    let parts: [Part]
    /// Per part, whether only its first segment counts.
    private let firsts: [Bool]

    /// - Parameters:
    ///   - variables: the names of the path template's variables.
    ///   - plan: where body pointers are watched.
    init(_ text: String, variables: [String], plan: inout JSONPlan) throws(TemplateError) {
        var parts: [Part] = []
        var firsts: [Bool] = []
        var rest = text[...]
        while let open = rest.firstIndex(of: "{") {
            if open > rest.startIndex {
                parts.append(.text(String(rest[..<open])))
                firsts.append(false)
            }
            guard let close = rest[open...].firstIndex(of: "}") else {
                throw TemplateError(message: "'\(text)': a '{' is not closed.")
            }
            var name = String(rest[rest.index(after: open)..<close])
            firsts.append(name.hasSuffix(":first"))
            if name.hasSuffix(":first") { name.removeLast(6) }
            if name.hasPrefix("/") {
                do throws(JSONPlan.PointerError) {
                    parts.append(.body(try plan.watch(name, keeps: true)))
                } catch {
                    throw TemplateError(message: error.message)
                }
            } else if name.hasPrefix("?"), name.count > 1 {
                parts.append(.query(String(name.dropFirst())))
            } else if let index = variables.firstIndex(of: name) {
                parts.append(.variable(index))
            } else {
                throw TemplateError(
                    message: "'{\(name)}' is no variable of the path (it has: "
                        + "\(variables.isEmpty ? "none" : variables.joined(separator: ", "))). Write {?name} for a "
                        + "parameter and {/pointer} for a member of the body.")
            }
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { parts.append(.text(String(rest))) }
        self.parts = parts
        self.firsts = firsts + [false]
    }

    var usesBody: Bool {
        parts.contains { if case .body = $0 { true } else { false } }
    }

    /// The names; empty when a piece is absent.
    func expand(
        variables: [String], query: RequestQuery, findings: [JSONFinding], plan: JSONPlan
    ) throws(RequestRefusal) -> [String] {
        var names = [""]
        for (index, part) in parts.enumerated() {
            var values: [String]
            switch part {
            case .text(let text): values = [text]
            case .variable(let index): values = [variables[index]]
            case .query(let name): values = try query.single(name).map { [$0] } ?? []
            case .body(let index):
                guard findings.indices.contains(index) else { return [] }
                let finding = findings[index]
                guard finding.droppedTexts == 0 else {
                    throw RequestRefusal(
                        .unreadableMember, "The body names more, or longer, things than policy can look at.")
                }
                // Some APIs take a name, or an object with the name in it, which another pointer reads then.
                let isName = finding.arrays == 0 && finding.booleans == 0
                guard isName, finding.objects == 0 || plan.goesOn(below: index) else {
                    throw RequestRefusal(.unreadableMember, "A name in the body is neither a text nor a number.")
                }
                values = finding.texts
            }
            if firsts[index] { values = try values.map { value throws(RequestRefusal) in try Self.first(value) } }
            guard names.count * values.count <= JSONScan.maximumTexts else {
                throw RequestRefusal(.unreadableMember, "The body names more things than policy can look at.")
            }
            names = names.flatMap { name in values.map { name + $0 } }
        }
        return names.filter { !$0.isEmpty }
    }

    /// What stands before the first slash of a path that does not climb.
    private static func first(_ path: String) throws(RequestRefusal) -> String {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        let climbs =
            segments.contains { $0 == "." || $0 == ".." } || path.contains("\\") || PercentDecoding.hasEscape(path)
        guard !climbs, segments.count == 1 || segments.first != "" else {
            throw RequestRefusal(
                .ambiguousQuery, "A path in the query has an empty, '.' or '..' segment, or is encoded twice.")
        }
        return segments.first.map(String.init) ?? ""
    }
}

/// A template that cannot be read; the reader adds the place.
struct TemplateError: Error {
    let message: String
}
