// SPDX-License-Identifier: Apache-2.0

package import Hub
package import Incidents
package import Paging
import Signing

/// An incident with what belongs to it, from one state of the database.
package struct IncidentDetail: Sendable {
    package var incident: Incident
    /// What left with its alerts' events, the most bytes first.
    package var reach: [IncidentReach]
    /// Orders in force and requests that wait: those that name it and those on its identity.
    package var controls: [SeenControl]
    /// The beginning of its timeline, the latest first.
    package var timeline: Page<TimelineEntry>
}

extension Desk {
    /// Incidents, the most urgent first.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func incidents(
        _ filter: IncidentFilter = IncidentFilter(), after cursor: String? = nil, limit: Int = 100, for actor: Actor
    ) async throws -> Page<Incident> {
        try await read(for: actor) { db in try IncidentStore.list(filter, after: cursor, limit: limit, in: db) }
    }

    /// An incident by its id or the beginning of it.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func incident(_ id: String, for actor: Actor) async throws -> IncidentDetail {
        let now = clock()
        return try await read(for: actor) { db in
            let incident = try IncidentStore.find(id, in: db)
            return IncidentDetail(
                incident: incident, reach: try IncidentStore.reach(of: incident.id, limit: 100, in: db),
                controls: try IncidentStore.controls(of: incident, now: now, in: db),
                timeline: try IncidentStore.timeline(of: incident.id, limit: 100, in: db))
        }
    }

    /// The timeline of an incident, the latest first. The id is the whole one, or the beginning of it.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func timeline(
        of id: String, after cursor: String? = nil, limit: Int = 100, for actor: Actor
    ) async throws -> Page<TimelineEntry> {
        try await read(for: actor) { db in
            try IncidentStore.timeline(of: IncidentStore.find(id, in: db).id, after: cursor, limit: limit, in: db)
        }
    }

    /// The alerts of an incident, the latest first.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func alerts(
        ofIncident id: String, after cursor: String? = nil, limit: Int = 100, for actor: Actor
    ) async throws -> Page<StoredAlert> {
        try await read(for: actor) { db in
            try StoredAlerts.list(
                ofIncident: IncidentStore.find(id, in: db).id, after: cursor, limit: limit, in: db)
        }
    }

    /// Acts on an incident.
    ///
    /// - Parameter version: the one that the person looked at; nil to act on whatever is there.
    /// - Throws: ``DeskError``, or SQLite's error.
    package func act(
        _ action: IncidentAction, on id: String, version: Int64? = nil, by actor: Actor
    ) async throws -> Incident {
        let incidents = hub.incidents
        let incident = try await write(.actOnIncidents, by: actor) { db, now in
            try incidents.act(
                action, on: id, by: actor.identity, via: actor.via.text, version: version, now: now, in: db)
        }
        // A closed one is told to those who heard of it.
        hub.wake()
        return incident
    }
}
