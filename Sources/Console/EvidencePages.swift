// SPDX-License-Identifier: Apache-2.0

import Desk
import Foundation
import Hummingbird
import Incidents
import Paging
import Web

extension Console {
    struct EvidencePage: Sendable {
        struct Field: Sendable {
            let name: String
            let value: String
        }

        struct Row: Sendable {
            let sequence: String
            let time: TimeText
            let actor: String
            let action: String
            let subject: String
            let url: String?
            let fields: [Field]
            let hash: String
            let short: String
        }

        struct Check: Sendable {
            let state: StateText
            let text: String
            let more: String
        }

        let check: Check
        let actor: String?
        let action: String?
        let subject: String?
        let from: String?
        let to: String?
        let rows: [Row]
        let pager: Pager?
    }

    /// `/evidence`.
    func addEvidence(to router: Router<WebContext>) {
        router.get("evidence") { request, context in
            let query = try request.query()
            let person = try context.actor
            let now = now()
            let filter = EvidenceChain.Filter(
                actor: query["actor"], action: query["action"], subject: query["subject"],
                from: try Self.day(query, "from"), to: try Self.day(query, "to"))
            let found = try await desk.evidence(filter, after: query["cursor"], limit: 100, for: person)
            let state = try await desk.verifyEvidence(for: person)
            return try await page(
                "Evidence", "evidence",
                EvidencePage(
                    check: Self.check(state), actor: query["actor"], action: query["action"],
                    subject: query["subject"], from: query["from"], to: query["to"],
                    rows: found.items.map { Self.row($0, now: now) },
                    pager: Pager(
                        path: "/evidence",
                        query: ["actor", "action", "subject", "from", "to"].map { ($0, query[$0]) },
                        cursor: query["cursor"], next: found.next)), request, context)
        }
    }

    private static func row(_ row: EvidenceRow, now: Int64) -> EvidencePage.Row {
        let payload = (try? JSONDecoder().decode([String: String].self, from: Data(row.payload.utf8))) ?? [:]
        return EvidencePage.Row(
            sequence: "\(row.sequence)", time: TimeText(row.at, now: now), actor: row.actor, action: row.action,
            subject: row.subject, url: row.action.hasPrefix("incident.") ? Link.incident(row.subject) : nil,
            fields: payload.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: $0.value) }, hash: row.hash,
            short: String(row.hash.prefix(10)))
    }

    private static func check(_ state: EvidenceState) -> EvidencePage.Check {
        let found = state.verification
        let heads =
            state.signs
            ? "Heads are signed by the hub's key; \(Words.count(found.heads, "was", "were")) checked, up to row \(Words.count(found.signedTo))."
            : "Nobody signs heads: give the hub a key (hub.key), or somebody with the database could make the whole chain anew."
        if let fault = found.fault {
            return .init(state: StateText("broken"), text: "\(fault)", more: heads)
        }
        return .init(
            state: StateText("ok"),
            text:
                "\(Words.count(found.count, "row", "rows")) up to row \(Words.count(found.lastSequence)) checked now: each has its hash and follows the one before.",
            more: heads + " The whole chain: gatewatch evidence verify.")
    }

    /// A day of the query, as ms since the epoch of its beginning, UTC.
    static func day(_ query: FormFields, _ name: String) throws -> Int64? {
        guard let text = query[name] else { return nil }
        let style = Date.ISO8601FormatStyle(timeZone: .gmt).year().month().day()
        guard let date = try? Date(text, strategy: style) else {
            throw WebFault.invalid(name, "'\(text.prefix(30))' is no day: write 2026-11-22.")
        }
        return Int64(date.timeIntervalSince1970 * 1000)
    }
}
