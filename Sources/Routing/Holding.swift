// SPDX-License-Identifier: Apache-2.0

package import GRDB

/// What holds alerts back at one moment: inhibitions first, then silences.
package struct Holding {
    /// What holds an alert back.
    package enum Reason: Sendable, Equatable {
        /// By the alert with this id, under the rule of this number (from 0).
        case inhibited(rule: Int, by: String)
        case silenced(Silence)
    }

    private let rules: [InhibitRule]
    private let silences: [Silence]
    /// By rule, values and whether two-sided sources count; an empty id for none.
    private var sources: [SourceKey: String] = [:]

    private struct SourceKey: Hashable {
        let rule: Int
        let equal: String
        let countsTwoSided: Bool
    }

    /// - Throws: SQLite's error.
    package init(_ configuration: RoutingConfiguration, now: Int64, in db: Database) throws {
        rules = configuration.inhibitRules
        silences = try SilenceStore.active(at: now, in: db)
    }

    /// Why an alert with these labels is not told; nil if nothing holds it.
    ///
    /// - Throws: SQLite's error.
    package mutating func reason(_ labels: LabelSet, in db: Database) throws -> Reason? {
        for (index, rule) in rules.enumerated() where rule.targetMatchers.match(labels) {
            // An alert that is source and target of a rule is not inhibited by another one that is both, nor by itself.
            let key = SourceKey(
                rule: index, equal: rule.equalKey(labels), countsTwoSided: !rule.sourceMatchers.match(labels))
            let source = try sources[key] ?? find(key, in: db)
            sources[key] = source
            if !source.isEmpty { return .inhibited(rule: index, by: source) }
        }
        return silences.first { $0.matchers.match(labels) }.map(Reason.silenced)
    }

    private func find(_ key: SourceKey, in db: Database) throws -> String {
        try String.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT s.alert_id FROM routing_sources s JOIN routing_alerts a ON a.id = s.alert_id
                    WHERE s.rule = ? AND s.equal = ? AND s.two_sided <= ? AND a.ends_at IS NULL LIMIT 1
                    """), arguments: [key.rule, key.equal, key.countsTwoSided ? 1 : 0]) ?? ""
    }
}
