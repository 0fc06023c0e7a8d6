// SPDX-License-Identifier: Apache-2.0

import Activity
import Charts
import Desk
import Dispatch
import Foundation
import Hub
import Hummingbird
import Paging
import Web

extension Console {
    /// What an identity has done, for its page: from the hub's roll-up of audit events.
    struct ActivityView: Sendable {
        struct Picture: Sendable {
            let title: String
            let note: String
            let svg: String
        }

        struct Reach: Sendable {
            let resource: String
            let connection: String
            let first: TimeText
            let last: TimeText
            let events: String
            let items: String
            let bytes: String
            let denied: String?
            let unapproved: String?
        }

        struct Session: Sendable {
            let session: String
            let began: TimeText
            let lasted: String
            let address: String?
            let agent: String?
            let events: String
            let denied: String?
            let bytes: String
            let recordingsURL: String
        }

        let about: String
        let first: TimeText
        let last: TimeText
        let charts: [Picture]
        let reach: [Reach]
        let sessions: [Session]
    }

    struct IdentitiesPage: Sendable {
        struct Row: Sendable {
            let url: String
            let identity: String
            let name: String?
            let kind: String?
            let groups: String?
            let first: TimeText
            let last: TimeText
        }

        let isKept: Bool
        let prefix: String?
        let kinds: [Choice]
        let isFiltered: Bool
        let identities: [Row]
        let pager: Pager?
    }

    private static let day: Int64 = 86_400_000

    /// Asks the roll-up, which blocks: not on the pool's threads.
    private func asked<Answer: Sendable>(
        _ body: @escaping @Sendable (ActivityStore) throws -> Answer
    ) async throws -> Answer? {
        guard let store = desk.hub.activity else { return nil }
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try body(store) }) }
        }
    }

    /// Nil where the hub counts no events, or has seen none of this identity.
    func activity(of identity: String) async throws -> ActivityView? {
        let now = now()
        let view: ActivityView?? = try await asked { store in
            try store.read { db -> ActivityView? in
                guard let found = try ActivityStore.find(identity, in: db) else { return nil }
                let selection = ActivityStore.Selection(identity: found.id)
                // Three weeks before those that are shown, for the bands to learn from.
                let days = try ActivityStore.series(selection, in: now - 49 * Self.day..<now, step: .day, in: db)
                let hours = try ActivityStore.series(selection, in: now - 21 * Self.day..<now, step: .hour, in: db)
                let shown = now - 28 * Self.day
                var charts: [ActivityView.Picture] = []
                for (id, title, unit, value) in Self.measures {
                    if let chart = try Self.chart(
                        ActivityStore.band(days, step: .day, from: shown, value: value), id, "\(title) per day", unit)
                    {
                        charts.append(chart)
                    }
                }
                let band = ActivityStore.band(hours, step: .hour, from: now - 3 * Self.day) { $0.events }
                if let chart = try Self.chart(band, "events-hour", "Events per hour, 3 days", .count) {
                    charts.append(chart)
                }
                let about: [String?] = [found.name, found.email, found.kind, found.groups.joined(separator: ", ")]
                return ActivityView(
                    about: about.compactMap { $0?.nonEmpty }.joined(separator: " · "),
                    first: TimeText(found.firstAt, now: now), last: TimeText(found.lastAt, now: now), charts: charts,
                    reach: try ActivityStore.reach(of: found.id, limit: 30, in: db).map { Self.reach($0, now: now) },
                    sessions: try ActivityStore.sessions(of: found.id, limit: 20, in: db).items.map {
                        Self.session($0, now: now)
                    })
            }
        }
        return view ?? nil
    }

    private static let measures: [(String, String, ChartUnit, @Sendable (ActivitySums) -> Int64)] = [
        ("bytes-day", "Bytes out", .bytes, { $0.bytesOut }), ("items-day", "Items", .count, { $0.items }),
    ]

    /// A line with its band; nil where there is nothing to see.
    private static func chart(_ band: [BandPoint], _ id: String, _ title: String, _ unit: ChartUnit) throws
        -> ActivityView.Picture?
    {
        guard band.count > 1, band.contains(where: { $0.value > 0 }) else { return nil }
        func known(_ value: (BandPoint) -> Double) -> [Double?] { band.map { $0.isLearning ? nil : value($0) } }
        let isKnown = band.contains { !$0.isLearning }
        let over = band.count { !$0.isLearning && $0.value > $0.limit }
        let note =
            isKnown
            ? "\(Words.count(over, "point is", "points are")) over what is usual for this identity."
            : "Too little is known yet to say what is usual."
        let svg = try LineChart(
            ChartCaption(id: id, title: title, summary: note), unit: unit, times: band.map(\.at),
            series: [.init(title, band.map(\.value))],
            band: isKnown ? .init(low: known(\.low), high: known(\.high), expected: known(\.expected)) : nil,
            size: ChartSize(440, 170)
        ).svg()
        return ActivityView.Picture(title: title, note: note, svg: svg)
    }

    private static func reach(_ reach: ActivityReach, now: Int64) -> ActivityView.Reach {
        ActivityView.Reach(
            resource: "\(reach.resource.type) \(reach.resource.name)", connection: reach.resource.connection,
            first: TimeText(reach.firstAt, now: now), last: TimeText(reach.lastAt, now: now),
            events: Words.count(reach.events), items: Words.count(reach.items), bytes: Words.bytes(reach.bytesOut),
            denied: reach.denied > 0 ? Words.count(reach.denied) : nil,
            unapproved: reach.unapproved > 0 ? Words.count(reach.unapproved) : nil)
    }

    private static func session(_ session: ActivitySession, now: Int64) -> ActivityView.Session {
        ActivityView.Session(
            session: session.session, began: TimeText(session.startedAt, now: now),
            lasted: TimeText.span(session.lastAt - session.startedAt), address: session.address,
            agent: session.userAgent, events: Words.count(session.events),
            denied: session.denied > 0 ? Words.count(session.denied) : nil, bytes: Words.bytes(session.bytesOut),
            recordingsURL: Link.url(
                "/recordings", [("identity", session.identity), ("session", session.session)]))
    }

    /// `/identities`: who has been active.
    func identities(_ request: Request, _ context: WebContext) async throws -> Response {
        try desk.require(.read, of: try context.actor)
        let query = try request.query()
        let now = now()
        let cursor = query["cursor"]
        let filter = ActivityStore.IdentityFilter(prefix: query["q"] ?? "", kind: query["kind"])
        let found: Page<ActiveIdentity>?
        do {
            found = try await asked { store in
                try store.read { try ActivityStore.identities(filter, after: cursor, limit: 50, in: $0) }
            }
        } catch let error as BadCursor {
            throw WebFault.invalid("cursor", error.description)
        }
        return try await page(
            "Identities", "identities",
            IdentitiesPage(
                isKept: found != nil, prefix: query["q"],
                kinds: Choice.list(
                    [("", "any"), ("human", "human"), ("service", "service")], chosen: query["kind"] ?? ""),
                isFiltered: query["q"] != nil || query["kind"] != nil,
                identities: (found?.items ?? []).map { identity in
                    IdentitiesPage.Row(
                        url: Link.identity(identity.identity), identity: identity.identity, name: identity.name,
                        kind: identity.kind, groups: identity.groups.joined(separator: ", ").nonEmpty,
                        first: TimeText(identity.firstAt, now: now), last: TimeText(identity.lastAt, now: now))
                },
                pager: Pager(
                    path: "/identities", query: [("q", query["q"]), ("kind", query["kind"])], cursor: cursor,
                    next: found?.next)), request, context)
    }
}
