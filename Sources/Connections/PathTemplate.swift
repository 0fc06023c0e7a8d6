// SPDX-License-Identifier: Apache-2.0

/// What a route matches: methods, a path, and what the query must have, as in `GET|HEAD /{bucket}/{key+}?uploadId`.
///
/// `{name}` is one segment, without encoded slashes; `{name%}` one segment that may hold them; `{name+}`, at the end,
/// is one or more segments that may hold them. `{name}.git` is one segment less its ending. A query condition is `name`
/// (there, with any value) or `name=value`.
struct PathTemplate: Sendable {
    enum Segment: Sendable, Equatable {
        case literal(String)
        case variable
        /// With an ending that is not part of the value.
        case ending(String)
        case delicateVariable
        case tail
    }

    struct Condition: Sendable {
        let name: String
        /// Nil for any value.
        let value: String?
    }

    /// As it was written.
    let text: String
    /// Upper case; empty for any.
    let methods: [String]
    let segments: [Segment]
    let variables: [String]
    let conditions: [Condition]
    let endsWithSlash: Bool

    init(_ text: String) throws(TemplateError) {
        self.text = text
        let words = text.split(separator: " ")
        guard words.count == 2, words[1].hasPrefix("/") else {
            throw TemplateError(
                message: "'\(text)' is no match. Write METHOD /path, as in POST /collections/{name}/points.")
        }
        methods = words[0] == "*" ? [] : words[0].split(separator: "|").map(String.init)
        guard methods.allSatisfy({ $0.utf8.allSatisfy { (0x41...0x5A).contains($0) } }) else {
            throw TemplateError(
                message: "'\(words[0])': methods are upper case, several with '|' between them, or '*'.")
        }
        let mark = words[1].firstIndex(of: "?")
        let path = words[1][..<(mark ?? words[1].endIndex)]
        var conditions: [Condition] = []
        if let mark {
            for part in words[1][words[1].index(after: mark)...].split(separator: "&") {
                let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                conditions.append(Condition(name: String(pair[0]), value: pair.count == 2 ? String(pair[1]) : nil))
            }
            guard !conditions.isEmpty else {
                throw TemplateError(message: "'\(text)': nothing follows the '?'.")
            }
        }
        self.conditions = conditions
        var segments: [Segment] = []
        var variables: [String] = []
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        endsWithSlash = parts.count > 1 && parts.last == ""
        let named = parts.count == 1 && parts[0].isEmpty || endsWithSlash ? parts.dropLast() : parts[...]
        for (index, part) in named.enumerated() {
            guard part.hasPrefix("{") else {
                guard !part.isEmpty, !part.contains(where: { "{}%*".contains($0) }) else {
                    throw TemplateError(
                        message: "'\(text)': '\(part)' is no segment. Write it decoded; a variable is {name}.")
                }
                segments.append(.literal(String(part)))
                continue
            }
            guard let close = part.firstIndex(of: "}") else {
                throw TemplateError(message: "'\(text)': a '{' is not closed.")
            }
            var name = part.dropFirst()[..<close]
            let ending = part[part.index(after: close)...]
            if !ending.isEmpty {
                guard !ending.contains(where: { "{}%*+".contains($0) }) else {
                    throw TemplateError(message: "'\(text)': '\(ending)' is no ending of a segment.")
                }
                segments.append(.ending(String(ending)))
            } else if name.hasSuffix("+") {
                guard index == named.count - 1, !endsWithSlash else {
                    throw TemplateError(message: "'\(text)': {\(name)} must be the last segment.")
                }
                name = name.dropLast()
                segments.append(.tail)
            } else if name.hasSuffix("%") {
                name = name.dropLast()
                segments.append(.delicateVariable)
            } else {
                segments.append(.variable)
            }
            let isName = name.utf8.allSatisfy {
                $0 == UInt8(ascii: "_") || (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20)
            }
            guard !name.isEmpty, isName, !variables.contains(String(name)) else {
                throw TemplateError(message: "'\(text)': '\(part)' is no new variable. Use letters, digits and '_'.")
            }
            variables.append(String(name))
        }
        self.segments = segments
        self.variables = variables
    }

    /// What `Route.unmapped` has for one.
    static let anything = PathTemplate()

    private init() {
        text = "unmatched"
        methods = []
        segments = [.tail]
        variables = []
        conditions = []
        endsWithSlash = false
    }

    /// Whether the query has what the template asks for.
    func holds(for query: RequestQuery) -> Bool {
        conditions.allSatisfy { condition in
            guard let value = condition.value else { return query.has(condition.name) }
            return query.values(condition.name).contains(value)
        }
    }
}
