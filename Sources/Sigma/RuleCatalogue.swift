// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// All drafts of one load by their names, and the work of connecting correlations with the rules that they refer to.
struct RuleCatalogue {
    let lists: PlaceholderLists
    private(set) var drafts: [DraftRule] = []
    private(set) var filters: [DraftFilter] = []
    var errors: [DocumentError] = []
    /// Where each draft ended up in the set.
    var places: [Int: CorrelationRule.Reference] = [:]
    private(set) var names: [String: Int] = [:]
    /// Where the document of each id and name stands; filters count.
    private var taken: [String: String] = [:]
    private var keys: [String: Int] = [:]
    /// Names of rules that could not be read, so that who refers to them hears the true reason.
    private(set) var broken: Set<String> = []

    /// How many levels of correlations over correlations there may be.
    static let maximumLevels = 32

    init(lists: PlaceholderLists) {
        self.lists = lists
    }

    /// Reads a document; what is wrong with it goes to `errors`.
    mutating func add(_ document: YAMLNode) {
        do {
            let draft = try RuleReader.rule(document, lists)
            let metadata = draft.metadata
            for (name, key) in [(metadata.id, "id"), (metadata.name, "name")] {
                guard let name, let other = taken[name] else { continue }
                throw (document[key] ?? document).error(
                    "'\(name)' names the rule at \(other) already. Give it another.")
            }
            if case .filter(let filter) = draft {
                for name in [metadata.id, metadata.name] {
                    if let name { taken[name] = "\(document.file):\(document.line)" }
                }
                filters.append(filter)
                return
            }
            if let other = keys[metadata.key] {
                throw (document["title"] ?? document).error(
                    "the rule at \(place(other)) is called '\(metadata.key)' as well. Give each an id.")
            }
            for name in [metadata.id, metadata.name] {
                guard let name else { continue }
                names[name] = drafts.count
                taken[name] = "\(document.file):\(document.line)"
            }
            keys[metadata.key] = drafts.count
            drafts.append(draft)
        } catch {
            var faults = Faults(document)
            faults.add(error)
            errors += faults.errors
            for key in ["id", "name"] {
                if case .scalar(let scalar) = document[key]?.content, names[scalar.text] == nil {
                    broken.insert(scalar.text)
                }
            }
        }
    }

    /// Ids and names of the detections so far.
    var detectionNames: Set<String> {
        var names: Set<String> = []
        for case .detection(let rule) in drafts {
            for name in [rule.metadata.id, rule.metadata.name] { if let name { names.insert(name) } }
        }
        return names
    }

    private func place(_ index: Int) -> String {
        let document = drafts[index].metadata.document
        return "\(document.file):\(document.line)"
    }

    /// Connects the correlations, each after those it refers to; the ones that cannot be are left out with an error each.
    mutating func connect() -> [CorrelationRule] {
        var correlations: [CorrelationRule] = []
        var levels: [Int: Int] = [:]
        var waiting: [Int] = []
        var targets: [Int: [Int]] = [:]
        var failed: Set<Int> = []
        for (index, draft) in drafts.enumerated() {
            guard case .correlation(let draft) = draft else { continue }
            do throws(DocumentError) {
                targets[index] = try self.targets(draft)
                waiting.append(index)
            } catch {
                failed.insert(index)
                errors.append(error)
            }
        }

        var isMoving = true
        while isMoving {
            isMoving = false
            var left: [Int] = []
            for index in waiting {
                guard case .correlation(let draft) = drafts[index], let needed = targets[index] else { continue }
                if let bad = needed.firstIndex(where: failed.contains) {
                    failed.insert(index)
                    errors.append(Self.dependent(draft.references[bad]))
                } else if needed.allSatisfy({ places[$0] != nil }) {
                    do throws(DocumentError) {
                        let level = (needed.compactMap { levels[$0] }.max() ?? 0) + 1
                        guard level <= Self.maximumLevels else {
                            throw draft.node.error(
                                "is level \(level) of correlations over correlations; at most \(Self.maximumLevels) are read."
                            )
                        }
                        let references = needed.compactMap { places[$0] }
                        let referenced = needed.map { drafts[$0].metadata }
                        let rule = try draft.connected(references, referenced, correlations)
                        places[index] = .correlation(correlations.count)
                        levels[index] = level
                        correlations.append(rule)
                    } catch {
                        failed.insert(index)
                        errors.append(error)
                    }
                } else {
                    left.append(index)
                    continue
                }
                isMoving = true
            }
            waiting = left
        }
        // What still waits stands in a circle or refers to one that does.
        for index in waiting { errors.append(circle(index, targets)) }
        return correlations
    }

    private func targets(_ draft: DraftCorrelation) throws(DocumentError) -> [Int] {
        var targets: [Int] = []
        for (name, node) in draft.references {
            let target = try target(name, node)
            guard !targets.contains(target) else { throw node.error("'\(name)' is the same rule as one before it.") }
            targets.append(target)
        }
        return targets
    }

    /// The draft of that id or name.
    func target(_ name: String, _ node: YAMLNode) throws(DocumentError) -> Int {
        if let target = names[name] { return target }
        if broken.contains(name) { throw Self.dependent((name, node)) }
        let text = unknownKey(name, known: names.keys.sorted(), what: "rule")
        // Of a large set, the list of all names helps nobody.
        throw node.error(
            names.count <= 12 || text.contains("Did you mean")
                ? text : "unknown rule '\(name)'. No rule of this load has that id or name.")
    }

    static func dependent(_ reference: (name: String, node: YAMLNode)) -> DocumentError {
        reference.node.error("refers to '\(reference.name)', which has an error of its own.")
    }

    /// The error of a correlation that waits for ever.
    private func circle(_ index: Int, _ targets: [Int: [Int]]) -> DocumentError {
        func next(_ index: Int) -> (target: Int, reference: (name: String, node: YAMLNode))? {
            guard case .correlation(let draft) = drafts[index] else { return nil }
            for (target, reference) in zip(targets[index] ?? [], draft.references) where places[target] == nil {
                return (target, reference)
            }
            return nil
        }
        var path = [index]
        while let last = path.last, let step = next(last) {
            if let start = path.firstIndex(of: step.target) {
                guard start == 0, let first = next(index) else { break }
                let labels = (path + [index]).map { drafts[$0].metadata.label }
                return first.reference.node.error(
                    "correlations refer to each other in a circle: \(labels.joined(separator: " → ")).")
            }
            path.append(step.target)
        }
        let document = drafts[index].metadata.document
        return next(index).map { Self.dependent($0.reference) }
            ?? document.error("refers to a rule that has an error of its own.")
    }
}
