// SPDX-License-Identifier: Apache-2.0

package import Detection
import JSONText
import Sigma
import YAMLDocument

/// What a change of rules changes: the rules themselves, and the alerts that they give for the same events.
package struct RuleDiff: Sendable {
    package enum Change: String, Sendable { case added, removed, changed, unchanged }

    /// One rule that is different, or gives other alerts.
    package struct Rule: Sendable {
        package let name: String
        package let change: Change
        /// Dotted paths of the keys that differ.
        package let keys: [String]
        package let onlyOld: [Alert]
        package let onlyNew: [Alert]
        package let both: Int
    }

    /// Those that differ in text or alerts, in the order of their names.
    package let rules: [Rule]
    package let unchanged: Int

    package var isEmpty: Bool { rules.isEmpty }

    /// - Parameters:
    ///   - oldAlerts: of the old rules over some events; alerts are the same when their ids are.
    ///   - newAlerts: of the new rules over the same events.
    package init(old: DetectorFiles, new: DetectorFiles, oldAlerts: [Alert], newAlerts: [Alert]) {
        var names: [String: String] = [:]
        for metadata in old.rules.metadata + new.rules.metadata { names[metadata.key] = metadata.label }
        let oldDocuments = Self.documents(old.rules)
        let newDocuments = Self.documents(new.rules)
        let oldByRule = Dictionary(grouping: oldAlerts, by: \.ruleID)
        let newByRule = Dictionary(grouping: newAlerts, by: \.ruleID)
        var rules: [Rule] = []
        var unchanged = 0
        for (key, name) in names.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
            let before = oldByRule[key] ?? []
            let after = newByRule[key] ?? []
            let oldIDs = Set(before.map(\.id))
            let newIDs = Set(after.map(\.id))
            let onlyOld = before.filter { !newIDs.contains($0.id) }
            let onlyNew = after.filter { !oldIDs.contains($0.id) }
            let change: Change
            var keys: [String] = []
            switch (oldDocuments[key], newDocuments[key]) {
            case (nil, _): change = .added
            case (_, nil): change = .removed
            case (let a?, let b?):
                keys = Self.differences(a, b)
                change = keys.isEmpty ? .unchanged : .changed
            }
            if change == .unchanged, onlyOld.isEmpty, onlyNew.isEmpty {
                unchanged += 1
                continue
            }
            rules.append(
                Rule(
                    name: name, change: change, keys: keys, onlyOld: onlyOld, onlyNew: onlyNew,
                    both: oldIDs.intersection(newIDs).count))
        }
        self.rules = rules
        self.unchanged = unchanged
    }

    private static func documents(_ rules: RuleSet) -> [String: YAMLNode] {
        Dictionary(rules.metadata.map { ($0.key, $0.document) }, uniquingKeysWith: { first, _ in first })
    }

    /// The paths at which two documents differ; of a list, the list's.
    private static func differences(_ a: YAMLNode, _ b: YAMLNode, at path: String = "") -> [String] {
        guard case .mapping(let entries) = a.content, case .mapping(let others) = b.content else {
            return isSame(a, b) ? [] : [path]
        }
        let keys = entries.map(\.key) + others.map(\.key).filter { a[$0] == nil }
        return keys.flatMap { key in
            let inner = path.isEmpty ? key : "\(path).\(key)"
            guard let first = a[key], let second = b[key] else { return [inner] }
            return differences(first, second, at: inner)
        }
    }

    private static func isSame(_ a: YAMLNode, _ b: YAMLNode) -> Bool {
        switch (a.content, b.content) {
        case (.scalar(let first), .scalar(let second)): first == second
        case (.sequence(let first), .sequence(let second)):
            first.count == second.count && zip(first, second).allSatisfy(isSame)
        case (.mapping, .mapping): differences(a, b).isEmpty
        default: false
        }
    }

    /// The difference as one line of JSON.
    package var json: [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.field("unchanged", unchanged)
            $0.array("rules", rules) { json, rule in
                json.object {
                    $0.field("name", rule.name)
                    $0.field("change", rule.change.rawValue)
                    $0.array("keys", rule.keys) { json, key in json.field(nil, key) }
                    $0.field("both", rule.both)
                    $0.array("only_old", rule.onlyOld) { Self.write($1, into: &$0) }
                    $0.array("only_new", rule.onlyNew) { Self.write($1, into: &$0) }
                }
            }
        }
        return json.bytes
    }

    private static func write(_ alert: Alert, into json: inout JSONWriter) {
        json.object {
            $0.field("uid", alert.id)
            $0.field("time", alert.time)
            $0.object("group") { for entry in alert.group { $0.field(named: entry.field, entry.value) } }
            $0.field("message", alert.message)
        }
    }
}
