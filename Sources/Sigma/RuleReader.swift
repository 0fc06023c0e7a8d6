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

/// Reads documents into rules (Sigma specification 2.1). What is wrong in several places is told of all of them.
enum RuleReader {
    static func rule(_ document: YAMLNode, _ lists: PlaceholderLists) throws(DocumentErrors) -> DraftRule {
        var faults = Faults(document)
        guard case .mapping = document.content else {
            throw DocumentErrors([document.error("a rule is a mapping of keys to values.")])
        }
        let hasTypos = refuseTypos(document, &faults)
        let metadata = metadata(document, &faults)
        // A block that seems to be missing may be the one whose key is mistyped.
        if hasTypos { throw DocumentErrors(faults.errors) }
        let draft: DraftRule?
        if let correlation = document["correlation"] {
            draft = CorrelationReader.correlation(correlation, metadata, &faults).map { .correlation($0) }
        } else if let filter = document["filter"] {
            draft = .filter(FilterReader.filter(filter, metadata, lists, &faults))
        } else {
            draft = detection(document, metadata, lists, &faults).map { .detection($0) }
        }
        try faults.finish()
        guard let draft else { throw DocumentErrors([document.error("cannot be read.")]) }
        return draft
    }

    /// Keys that no rule defines are allowed at the top, but one letter off a key that changes what the rule does is a slip.
    private static func refuseTypos(_ document: YAMLNode, _ faults: inout Faults) -> Bool {
        let known = [
            "correlation", "detection", "filter", "gatewatch", "generate", "level", "logsource", "status", "taxonomy",
        ]
        for entry in faults.read(or: [], document.entries) where !known.contains(entry.key) {
            guard let word = known.first(where: { isSlip(entry.key, of: $0) }) else { continue }
            faults.add(entry.value.error("unknown key '\(entry.key)'. Did you mean '\(word)'?"))
        }
        return !faults.isEmpty
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

    private static func metadata(_ document: YAMLNode, _ faults: inout Faults) -> RuleMetadata {
        if let taxonomy = document["taxonomy"] {
            faults.check {
                let text = try taxonomy.text()
                guard text != "sigma" else { return }
                throw taxonomy.error(
                    "field names of the taxonomy '\(text)' are not known. Rename the fields and leave 'taxonomy' out.")
            }
        }
        func texts(_ key: String) -> [String] { faults.read(or: []) { try document[key]?.texts() ?? [] } }
        return RuleMetadata(
            title: faults.read(or: "") { try title(document) },
            id: faults.read(or: nil) { try name(document["id"]) },
            name: faults.read(or: nil) { try name(document["name"]) },
            status: faults.read(or: nil) { try word(document["status"], "status") },
            level: faults.read(or: nil) { try word(document["level"], "level") },
            description: faults.read(or: nil) { try description(document["description"]) }, tags: texts("tags"),
            references: texts("references"), falsePositives: texts("falsepositives"),
            extensions: faults.read(or: .none) { try document["gatewatch"].map { try RuleExtension($0) } ?? .none },
            document: document)
    }

    private static func title(_ document: YAMLNode) throws(DocumentError) -> String {
        let node = try document.required("title")
        let title = try node.text()
        guard title.count <= 256 else { throw node.error("the title is longer than 256 characters.") }
        return title
    }

    private static func description(_ node: YAMLNode?) throws(DocumentError) -> String? {
        guard let node else { return nil }
        let text = try node.text()
        guard text.utf8.count <= 65_535 else { throw node.error("the description is longer than 65535 bytes.") }
        return text
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
        _ document: YAMLNode, _ metadata: RuleMetadata, _ lists: PlaceholderLists, _ faults: inout Faults
    ) -> DetectionRule? {
        let logsource: DetectionRule.LogSource? = faults.read(or: nil) { try Self.logsource(document) }
        let block: YAMLNode? = faults.read(or: nil) { try document.required("detection") }
        if let timeframe = block?["timeframe"] {
            faults.add(
                timeframe.error("'timeframe' was removed from Sigma. Write a correlation rule with a timespan."))
        }
        let body: DetectionBody? = block.map { Self.body($0, except: ["timeframe"], lists, &faults) }
        let extensions = metadata.extensions
        if extensions.firstSeen != nil, extensions.suppress != nil {
            faults.add(
                (document["gatewatch"]?["suppress"] ?? document).error(
                    "first_seen raises one alert per new value by itself; leave suppress out."))
        }
        if let ratio = extensions.ratio, extensions.firstSeen != nil {
            faults.add(ratio.node.error("does not go together with first_seen; write two rules."))
        }
        if let baseline = extensions.baseline {
            faults.add(
                baseline.node.error(
                    "belongs to a correlation: it compares what one counts. Refer to this rule from one."))
        }
        guard let logsource, let body else { return nil }
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
        _ block: YAMLNode, except keys: [String], _ lists: PlaceholderLists, _ faults: inout Faults
    ) -> DetectionBody {
        var reader = SearchReader(lists: lists)
        let searches = reader.searches(block, except: keys + ["condition"], &faults)
        var conditions: [(tree: ConditionTree, node: YAMLNode)] = []
        // Without any selection the condition can only name what is not there.
        if !searches.isEmpty {
            for condition in faults.read(or: [], { try self.conditions(block) }) {
                let tree: ConditionTree? = faults.read(or: nil) {
                    var parser = try ConditionParser(condition, searches: searches)
                    return try parser.parse()
                }
                if let tree { conditions.append((tree, condition)) }
            }
        }
        let expressions = Dictionary(searches.map { ($0.name, $0.expression) }) { first, _ in first }
        return DetectionBody(
            searches: searches, conditions: conditions,
            expression: .any(conditions.map { $0.tree.expression(expressions) }))
    }

    private static func conditions(_ block: YAMLNode) throws(DocumentError) -> [YAMLNode] {
        let node = try block.required("condition")
        let conditions = node.items()
        guard !conditions.isEmpty else { throw node.error("is empty. Write the name of a selection.") }
        guard conditions.count <= 64 else { throw node.error("is a list of more than 64 conditions.") }
        return conditions
    }
}
