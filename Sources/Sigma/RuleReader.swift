// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// One document of a rule file, read but not yet connected with the rules that it refers to.
enum DraftRule {
    case detection(DetectionRule)
    case correlation(DraftCorrelation)
    case filter(DraftFilter)

    var metadata: RuleMetadata {
        switch self {
        case .detection(let rule): rule.metadata
        case .correlation(let draft): draft.metadata
        case .filter(let draft): draft.rule.metadata
        }
    }
}

/// Reads documents into rules (Sigma specification 2.1).
enum RuleReader {
    static func rule(_ document: YAMLNode, _ lists: PlaceholderLists) throws(DocumentError) -> DraftRule {
        guard case .mapping = document.content else { throw document.error("a rule is a mapping of keys to values.") }
        try refuseTypos(document)
        let metadata = try metadata(document)
        if let correlation = document["correlation"] {
            return .correlation(try CorrelationReader.correlation(correlation, metadata))
        }
        if let filter = document["filter"] { return .filter(try FilterReader.filter(filter, metadata, lists)) }
        return .detection(try detection(document, metadata, lists))
    }

    /// Keys that no rule defines are allowed at the top, but one letter off a key that changes what the rule does is a slip.
    private static func refuseTypos(_ document: YAMLNode) throws(DocumentError) {
        let known = [
            "correlation", "detection", "filter", "gatewatch", "generate", "level", "logsource", "status", "taxonomy",
        ]
        for entry in try document.entries() where !known.contains(entry.key) {
            for word in known where isSlip(entry.key, of: word) {
                throw entry.value.error("unknown key '\(entry.key)'. Did you mean '\(word)'?")
            }
        }
    }

    /// Whether one letter is missing, too many, wrong or changed places with its neighbour, or the case differs.
    private static func isSlip(_ text: String, of word: String) -> Bool {
        if text.lowercased() == word { return true }
        let a = Array(text.utf8)
        let b = Array(word.utf8)
        guard abs(a.count - b.count) <= 1 else { return false }
        let start = zip(a, b).prefix { $0 == $1 }.count
        let (left, right) = (a[start...], b[start...])
        if a.count > b.count { return left.dropFirst().elementsEqual(right) }
        if a.count < b.count { return left.elementsEqual(right.dropFirst()) }
        if left.dropFirst().elementsEqual(right.dropFirst()) { return true }
        return left.count > 1 && left.prefix(2).reversed().elementsEqual(right.prefix(2))
            && left.dropFirst(2).elementsEqual(right.dropFirst(2))
    }

    private static func metadata(_ document: YAMLNode) throws(DocumentError) -> RuleMetadata {
        let titleNode = try document.required("title")
        let title = try titleNode.text()
        guard title.count <= 256 else { throw titleNode.error("the title is longer than 256 characters.") }
        if let node = document["description"], try node.text().utf8.count > 65_535 {
            throw node.error("the description is longer than 65535 bytes.")
        }
        if let taxonomy = document["taxonomy"], try taxonomy.text() != "sigma" {
            throw taxonomy.error(
                "field names of the taxonomy '\(try taxonomy.text())' are not known. Rename the fields and leave 'taxonomy' out."
            )
        }
        return RuleMetadata(
            title: title, id: try name(document["id"]), name: try name(document["name"]),
            status: try word(document["status"], "status"), level: try word(document["level"], "level"),
            description: try document["description"]?.text(), tags: try document["tags"]?.texts() ?? [],
            references: try document["references"]?.texts() ?? [],
            falsePositives: try document["falsepositives"]?.texts() ?? [],
            extensions: try document["gatewatch"].map { node throws(DocumentError) in try RuleExtension(node) }
                ?? .none,
            document: document)
    }

    private static func name(_ node: YAMLNode?) throws(DocumentError) -> String? {
        guard let node else { return nil }
        let text = try node.text()
        guard !text.isEmpty else { throw node.error("is empty. Leave the key out or give the rule a name.") }
        return text
    }

    private static func word<Word: RawRepresentable & CaseIterable>(
        _ node: YAMLNode?, _ what: String
    ) throws(DocumentError) -> Word? where Word.RawValue == String {
        guard let node else { return nil }
        let text = try node.text()
        guard let word = Word(rawValue: text) else {
            throw node.error(unknownKey(text, known: Word.allCases.map(\.rawValue), what: what))
        }
        return word
    }

    private static func detection(
        _ document: YAMLNode, _ metadata: RuleMetadata, _ lists: PlaceholderLists
    ) throws(DocumentError) -> DetectionRule {
        let logsource = try logsource(document)
        let block = try document.required("detection")
        if let timeframe = block["timeframe"] {
            throw timeframe.error("'timeframe' was removed from Sigma. Write a correlation rule with a timespan.")
        }
        let body = try body(block, except: [], lists)
        if metadata.extensions.firstSeen != nil, metadata.extensions.suppress != nil {
            throw (document["gatewatch"]?["suppress"] ?? document).error(
                "first_seen raises one alert per new value by itself; leave suppress out.")
        }
        if let ratio = metadata.extensions.ratio, metadata.extensions.firstSeen != nil {
            throw ratio.node.error("does not go together with first_seen; write two rules.")
        }
        if let baseline = metadata.extensions.baseline {
            throw baseline.node.error(
                "belongs to a correlation: it compares what one counts. Refer to this rule from one.")
        }
        return DetectionRule(metadata: metadata, logsource: logsource, body: body)
    }

    static func logsource(_ document: YAMLNode) throws(DocumentError) -> DetectionRule.LogSource {
        let source = try document.required("logsource")
        let known = ["category", "product", "service", "definition"]
        var custom: [String: String] = [:]
        for entry in try source.entries() where !known.contains(entry.key) {
            let unknown = unknownKey(entry.key, known: known)
            if unknown.contains("Did you mean") { throw entry.value.error(unknown) }
            custom[entry.key] = try entry.value.text()
        }
        return DetectionRule.LogSource(
            category: try source["category"]?.text(), product: try source["product"]?.text(),
            service: try source["service"]?.text(), custom: custom)
    }

    /// Search identifiers and conditions.
    ///
    /// - Parameter keys: those of the block that are neither.
    static func body(
        _ block: YAMLNode, except keys: [String], _ lists: PlaceholderLists
    ) throws(DocumentError) -> DetectionBody {
        var reader = SearchReader(lists: lists)
        let searches = try reader.searches(block, except: keys + ["condition"])
        let node = try block.required("condition")
        var conditions: [(tree: ConditionTree, node: YAMLNode)] = []
        for condition in node.items() {
            var parser = try ConditionParser(condition, searches: searches)
            conditions.append((try parser.parse(), condition))
        }
        guard !conditions.isEmpty else { throw node.error("is empty. Write the name of a selection.") }
        guard conditions.count <= 64 else { throw node.error("is a list of more than 64 conditions.") }
        let expressions = Dictionary(searches.map { ($0.name, $0.expression) }) { first, _ in first }
        return DetectionBody(
            searches: searches, conditions: conditions,
            expression: .any(conditions.map { $0.tree.expression(expressions) }))
    }
}
