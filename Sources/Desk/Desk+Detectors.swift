// SPDX-License-Identifier: Apache-2.0

import Hub
package import Incidents

/// A rule with what the hub has seen of it.
package struct DetectorState: Sendable, Identifiable {
    /// As in its alerts.
    package var id: String
    /// Nil where the hub was not given the rule's file, or the rule is gone.
    package var entry: DetectorEntry?
    /// Alerts that are kept.
    package var hits: Int
    /// Alerts of the last seven days.
    package var recentHits: Int
    /// ms since the epoch, UTC.
    package var lastHitAt: Int64?
    /// What people said; nil where nobody did.
    package var precision: RulePrecision?
}

extension Desk {
    private static let recent: Int64 = 7 * 86_400_000

    /// All rules: those of the files, and those that only alerts tell of, by title.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func detectors(for actor: Actor) async throws -> [DetectorState] {
        let (entries, since) = (settings.detectors, clock() - Self.recent)
        return try await read(for: actor) { db in
            let hits = Dictionary(try StoredAlerts.hits(in: db).map { ($0.rule, $0) }) { a, _ in a }
            let recent = Dictionary(try StoredAlerts.hits(from: since, in: db).map { ($0.rule, $0.alerts) }) { a, _ in a
            }
            let precision = Dictionary(try IncidentStore.precision(in: db).map { ($0.rule, $0) }) { a, _ in a }
            let known = Set(entries.map(\.id))
            func state(_ id: String, _ entry: DetectorEntry?) -> DetectorState {
                DetectorState(
                    id: id, entry: entry, hits: hits[id]?.alerts ?? 0, recentHits: recent[id] ?? 0,
                    lastHitAt: hits[id]?.lastAt, precision: precision[id])
            }
            return entries.sorted { ($0.title, $0.id) < ($1.title, $1.id) }.map { state($0.id, $0) }
                + hits.keys.filter { !known.contains($0) }.sorted().map { state($0, nil) }
        }
    }

    /// One rule, by its id or its name.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func detector(_ id: String, for actor: Actor) async throws -> DetectorState {
        let all = try await detectors(for: actor)
        guard let found = all.first(where: { $0.id == id }) ?? all.first(where: { $0.entry?.name == id }) else {
            throw DeskError.unknown("there is no rule \(id.prefix(80))")
        }
        return found
    }
}
