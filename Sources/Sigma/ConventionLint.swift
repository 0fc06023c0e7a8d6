// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// SigmaHQ's conventions for rules, stricter than the specification: what a team agrees on so that rules read alike. Nothing here
/// keeps a rule from working. Each finding ends with its name, such as `(missing_description)`.
///
/// Sources: the rule and file name conventions of SigmaHQ/sigma-specification, and the limits of pySigma-validators-sigmaHQ.
enum ConventionLint {
    /// What kind a document is; it decides which keys are expected.
    enum Kind {
        case detection, correlation, filter
    }

    /// Namespaces of tags: those of the specification, and MITRE ATLAS, which has the techniques against AI systems.
    static let namespaces = ["atlas", "attack", "car", "cve", "d3fend", "detection", "stp", "tlp"]
    /// The longest title, in characters.
    static let maximumTitle = 120

    static func findings(_ rule: DetectionRule) -> [DocumentError] {
        metadata(rule.metadata, .detection) + SelectionLint.findings(rule.body)
    }

    static func findings(_ rule: CorrelationRule) -> [DocumentError] {
        metadata(rule.metadata, .correlation)
    }

    static func findings(_ filter: FilterRule) -> [DocumentError] {
        metadata(filter.metadata, .filter) + SelectionLint.unused(filter.body)
    }

    /// Detections of one log source that ask the same: one of them is to go.
    static func duplicates(_ rules: [DetectionRule]) -> [DocumentError] {
        struct Logic: Hashable {
            let source: [String?]
            let custom: [String: String]
            let expression: Expression
        }
        var known: [Logic: RuleMetadata] = [:]
        return rules.compactMap { rule in
            let source = rule.logsource
            let logic = Logic(
                source: [source.category, source.product, source.service], custom: source.custom,
                expression: rule.expression)
            guard let first = known[logic] else {
                known[logic] = rule.metadata
                return nil
            }
            return finding(
                rule.metadata.document["detection"] ?? rule.metadata.document, "duplicate_logic",
                "asks the same as '\(first.label)' at \(first.file):\(first.document.line). Keep one.")
        }
    }

    static func finding(_ node: YAMLNode, _ name: String, _ message: String) -> DocumentError {
        node.error("\(message) (\(name))")
    }

    // MARK: Metadata

    private static func metadata(_ rule: RuleMetadata, _ kind: Kind) -> [DocumentError] {
        let document = rule.document
        var found: [DocumentError] = []
        func expect(_ key: String, _ message: String) {
            if document[key] == nil { found.append(finding(document, "missing_\(key)", message)) }
        }
        expect("id", "has no id. Write a random UUID.")
        if let id = rule.id, let node = document["id"], !isUUID(id) {
            found.append(finding(node, "invalid_id", "'\(id)' is no UUID."))
        }
        if rule.title.count > maximumTitle, let node = document["title"] {
            found.append(
                finding(node, "long_title", "the title has \(rule.title.count) characters; \(maximumTitle) are enough.")
            )
        }
        expect("description", "has no description. Say what the rule detects.")
        if kind != .filter, let text = rule.description, let node = document["description"], !text.hasPrefix("Detects")
        {
            found.append(finding(node, "description_start", "a description begins with 'Detects'."))
        }
        expect("author", "has no author.")
        expect("date", "has no date. Write YYYY-MM-DD.")
        if kind != .filter {
            expect("status", "has no status. A new rule is experimental.")
            expect("level", "has no level. Write one of informational, low, medium, high, critical.")
            // An informational rule raises no alert that somebody would have to judge: most are building blocks.
            if rule.level != .informational {
                expect("tags", "has no tags. Name the technique, such as attack.t1567.")
                expect("falsepositives", "has no falsepositives. Say what harmless thing looks the same, or Unlikely.")
            }
            if let level = rule.level, level >= .high, rule.references.isEmpty {
                found.append(
                    finding(
                        document, "missing_references",
                        "has no references. A rule of level \(level) says what it stands on."))
            }
        }
        return found + tags(document) + fileName(document, kind)
    }

    private static func isUUID(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.map(\.count) == [8, 4, 4, 4, 12]
            && parts.allSatisfy { $0.allSatisfy { $0.isASCII && $0.isHexDigit } }
    }

    private static func tags(_ document: YAMLNode) -> [DocumentError] {
        (document["tags"]?.items() ?? []).compactMap { node in
            guard let text = try? node.text(), let space = text.split(separator: ".").first.map(String.init) else {
                return nil
            }
            if namespaces.contains(space) { return nil }
            return finding(
                node, "unknown_tag_namespace",
                "'\(space)' is no namespace of tags. Known: \(namespaces.joined(separator: ", ")).")
        }
    }

    /// 10 to 70 characters of `[a-z0-9_]` and `.yml`; `mr_` in front where correlations stand, `mf_` where filters do.
    private static func fileName(_ document: YAMLNode, _ kind: Kind) -> [DocumentError] {
        let name = document.file.split(separator: "/").last.map(String.init) ?? ""
        let stem = name.hasSuffix(".yml") ? String(name.dropLast(4)) : ""
        let isMade = stem.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "_")
        }
        var found: [DocumentError] = []
        if !isMade || stem.isEmpty || !(10...70).contains(name.utf8.count) {
            found.append(
                finding(
                    document, "file_name", "a file name is 10 to 70 characters of a-z, 0-9 and _, and ends in .yml."))
        }
        let prefix: String? =
            switch kind {
            case .detection: nil
            case .correlation: "mr_"
            case .filter: "mf_"
            }
        if let prefix, !stem.hasPrefix(prefix) {
            found.append(
                finding(
                    document, "file_prefix",
                    "the name of a file with \(kind == .filter ? "filters" : "correlations") begins with \(prefix)."))
        }
        return found
    }
}
