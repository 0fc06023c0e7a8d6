// SPDX-License-Identifier: Apache-2.0

import Delivery
import Desk
import Finding
import Foundation
import GRDB
import Hub
import Incidents
import Paging
import Routing
import Synchronization
import Testing

@Suite struct ListTests {
    private let ana = person("ana", .viewer)

    /// Every item of a list, in parts.
    private func all<Item>(_ page: (String?) async throws -> Page<Item>) async throws -> [Item] {
        var (items, cursor, parts): ([Item], String?, Int) = ([], nil, 0)
        repeat {
            let part = try await page(cursor)
            items += part.items
            cursor = part.next
            parts += 1
        } while cursor != nil && parts < 1_000
        return items
    }

    @Test func alertsAreListedInPartsByTimeAndByWhatIsAsked() async throws {
        let office = try Office()
        // Three at each moment: a cursor must not lose those of one moment.
        for number in 0..<60 {
            try office.alert(
                "a\(number)", identity: number % 2 == 0 ? "ana" : "ben", rule: "rule-\(number % 3)",
                severity: number % 5, at: office.now - Int64(number / 3) * 1000, incident: number < 30 ? "i" : nil)
        }
        let desk = office.desk
        let everything = try await all { try await desk.alerts(after: $0, limit: 7, for: ana) }
        #expect(everything.count == 60 && Set(everything.map(\.id)).count == 60)
        #expect(everything.map(\.time) == everything.map(\.time).sorted(by: >))
        let filter = AlertFilter(
            identity: "ben", rule: "rule-1", severity: 2, from: office.now - 15_000, to: office.now)
        let some = try await all { try await desk.alerts(filter, after: $0, limit: 2, for: ana) }
        #expect(
            some.map(\.id)
                == everything.filter {
                    $0.identity == "ben" && $0.rule == "rule-1" && $0.severity >= 2 && $0.time >= office.now - 15_000
                        && $0.time < office.now
                }.map(\.id))
        #expect(!some.isEmpty)
        let ofIncident = try await all { try await desk.alerts(ofIncident: "i", after: $0, limit: 7, for: ana) }
        #expect(ofIncident.count == 30 && ofIncident.allSatisfy { $0.incident == "i" })
        for cursor in ["", "x", "1", "1.x", "1.2.3", String(repeating: "1", count: 30) + ".1"] {
            let error = await error { _ = try await desk.alerts(after: cursor, for: ana) }
            guard case .invalid(field: "cursor", _) = error else {
                Issue.record("'\(cursor)' is taken: \(String(describing: error))")
                continue
            }
        }
        #expect(await error { _ = try await desk.alert("none", for: ana) }?.code == "unknown")
        #expect(try await desk.alert("a3", for: ana).alert.incident == "i")
    }

    @Test func anIdentityHasItsIncidentsItsAlertsAndItsRiskWithTerms() async throws {
        let office = try Office()
        let json = { (score: Int) in
            #"{"risk_score":\#(score),"unmapped":{"risk_terms":[{"rule":"bulk","points":\#(score),"alerts":1,"time":1}]}}"#
        }
        try office.alert("a1", at: office.now - 2 * day, json: json(20))
        try office.alert("a2", at: office.now - day, json: json(40))
        try office.alert("a3", json: #"{"risk_score":"x"}"#)
        try office.alert("old", at: office.now - 100 * day, incident: nil, json: json(1))
        try office.alert("b1", identity: "ben", incident: "incident-2", json: json(90))
        let summary = try await office.desk.identity("ana@example.com", for: ana)
        #expect(summary.incidents.map(\.id) == ["incident-1"] && summary.alerts.items.count == 4)
        #expect(summary.risk.map(\.score) == [40, 20] && summary.risk.first?.terms.first?.points == 40)
        let nobody = try await office.desk.identity("never heard of", for: ana)
        #expect(nobody.incidents.isEmpty && nobody.alerts.items.isEmpty && nobody.risk.isEmpty)
    }

    @Test func theFirstPageCountsWhatIsThere() async throws {
        let office = try Office()
        try office.alert("a1", severity: 4)
        try office.alert("a2", severity: 3, at: office.now - hour)
        try office.alert("b1", identity: "ben", rule: "other", severity: 5, incident: "incident-2")
        try office.alert("old", at: office.now - 25 * hour, incident: nil)
        _ = try office.hub.outbox.enqueue([
            NewDelivery(messageID: "m1", target: "soc", orderingKey: "k", body: [1]),
            NewDelivery(messageID: "m1", target: "pager", orderingKey: "k", body: [1]),
        ])
        try office.hub.outbox.disableTarget("pager", reason: "410 Gone")
        let overview = try await office.desk.overview(for: ana)
        #expect(overview.openIncidents == [4: 1, 5: 1])
        #expect(overview.pendingDeliveries == 1 && overview.deadDeliveries == 1)
        #expect(overview.alertsPerHour.count == 24 && overview.alertsPerHour.last?.alerts == 2)
        #expect(overview.alertsPerHour[22].alerts == 1 && overview.alertsPerHour.map(\.alerts).reduce(0, +) == 3)
        #expect(overview.rules.map(\.rule) == ["bulk", "other"] && overview.rules.first?.alerts == 2)
        #expect(overview.ordersInForce == 0 && overview.pendingApprovals == 0)
    }

    @Test func detectorsAreThoseOfTheFilesAndThoseThatOnlyAlertsTellOf() async throws {
        let entry = DetectorEntry(
            id: "6a1c", name: "bulk", title: "Bulk requests", file: "bulk.yml", status: "stable", source: "title: x")
        let office = try Office(settings: .init(detectors: [entry]))
        try office.alert("a1", rule: "6a1c")
        try office.alert("a2", rule: "6a1c", at: office.now - 8 * day)
        try office.alert("a3", rule: "gone", incident: nil)
        let analyst = person("ben", .analyst)
        _ = try await office.desk.act(.dispose(.isFalse, reason: "a test"), on: "incident-1", by: analyst)
        let all = try await office.desk.detectors(for: ana)
        #expect(all.map(\.id) == ["6a1c", "gone"] && all.first?.entry == entry && all.last?.entry == nil)
        let bulk = try await office.desk.detector("bulk", for: ana)
        #expect(bulk.hits == 2 && bulk.recentHits == 1 && bulk.lastHitAt == office.now)
        #expect(bulk.precision?.precision == 0)
        #expect(await error { _ = try await office.desk.detector("none", for: ana) }?.code == "unknown")
    }

    /// At 100,000 alerts a list that reads them all, or sorts them, is what one waits for.
    @Test func everyListIsServedByAnIndex() async throws {
        let office = try Office()
        let statements = Mutex<[String]>([])
        try await office.hub.database.writeWithoutTransaction { db in
            db.trace { event in statements.withLock { $0.append(event.expandedDescription) } }
            for filter in [
                AlertFilter(), .init(identity: "ana"), .init(rule: "bulk"), .init(severity: 4),
                .init(identity: "ana", severity: 4, from: 1, to: 2),
            ] {
                _ = try StoredAlerts.list(filter, in: db)
                _ = try StoredAlerts.list(filter, after: "5.5", in: db)
            }
            _ = try StoredAlerts.list(ofIncident: "i", after: "5.x", in: db)
            _ = try StoredAlerts.hits(from: 1, in: db)
            _ = try StoredAlerts.hours(from: 1, in: db)
            _ = try StoredAlerts.risk(of: "ana", in: db)
            for status in [Incident.Status.open, nil] {
                _ = try IncidentStore.list(.init(status: status), after: "4.5.x", in: db)
            }
            _ = try IncidentStore.list(.init(status: nil, identity: "ana"), in: db)
            _ = try IncidentStore.timeline(of: "i", after: "5.5", in: db)
            for kind in ControlRecord.Kind.allCases {
                _ = try ControlRecord.list(kind, after: "5.x", in: db)
                _ = try ControlRecord.list(kind, states: ["active"], after: "5.x", in: db)
                _ = try ControlRecord.list(kind, states: ["active"], identity: "ana", in: db)
                _ = try ControlRecord.count(kind, state: "active", now: 5, in: db)
            }
            for state in [Delivery.State.dead, .pending, nil] {
                _ = try DeliveryOutbox.latest(state: state, before: 5, limit: 10, in: db)
            }
            _ = try EvidenceChain.page(after: "5", in: db)
            _ = try EvidenceChain.page(.init(actor: "ana"), after: "5", in: db)
            _ = try EvidenceChain.page(.init(subject: "i"), after: "5", in: db)
            _ = try SilenceStore.list(after: (5, "x"), limit: 10, in: db)
            db.trace(options: [])
            let seen = statements.withLock { $0 }
            #expect(seen.count > 30)
            for sql in seen where sql.hasPrefix("SELECT") {
                let plan = try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN \(sql)").map { $0["detail"] as String }
                let bad = plan.filter { line in
                    // By an index alone, or by the rows' numbers in their order.
                    let isScan =
                        line.hasPrefix("SCAN") && !line.contains("INDEX") && !line.hasPrefix("SCAN (subquery")
                        && !line.hasPrefix("SCAN i") && line != "SCAN deliveries" && line != "SCAN evidence"
                    return isScan
                        || line == "USE TEMP B-TREE FOR ORDER BY" && !sql.contains("GROUP BY")
                            && !plan.contains { $0.hasPrefix("SCAN (subquery") || $0.hasPrefix("SCAN i") }
                }
                #expect(bad.isEmpty, "\(sql)\n\(plan.joined(separator: "\n"))")
            }
        }
    }
}
