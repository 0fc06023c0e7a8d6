// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import GRDB
import Hub
import Incidents
import Orders
import Signing

/// The security team of the fixture month: it takes incidents up, says what they were, lifts orders that hit the wrong ones.
struct FixtureTeam {
    private enum Act {
        case incident(String, IncidentAction)
        /// Orders in force on an identity.
        case lift(identity: String, why: String)
    }

    private let keys: FixtureKeys
    private var planned: [(time: Int64, number: Int, person: Int, act: Act)] = []
    private var number = 0
    private var known: Set<String> = []

    init(keys: FixtureKeys) { self.keys = keys }

    /// When somebody acts next.
    var next: Int64? { planned.last?.time }

    /// An alert has come in: the first one of an incident is taken up.
    mutating func hear(of alert: Alert, isDeed: Bool, until end: Int64, in db: Database) throws {
        guard
            let incident = try String.fetchOne(
                db, sql: "SELECT incident_id FROM incident_alerts WHERE alert_id = ?", arguments: [alert.id]),
            known.insert(incident).inserted
        else { return }
        let chance = Array(incident.utf8).withUnsafeBytes { stableHash($0) }
        let person = Int(chance % UInt64(keys.people.count))
        let minute: Int64 = 60_000
        func plan(_ minutes: Int64, _ act: Act, by offset: Int = 0) {
            let time = alert.time + minutes * minute
            guard time < end else { return }
            number += 1
            planned.append((time, number, (person + offset) % keys.people.count, act))
        }
        let name = keys.people[person].name
        plan(12 + Int64(chance % 40), .incident(incident, .assign(name)))
        let verdict: (Disposition, String)
        switch (isDeed, chance % 10) {
        case (true, _): verdict = (.isTrue, "confirmed with the manager; handed to human resources")
        case (_, 0..<5): verdict = (.isFalse, "planned work, the rule did not know")
        case (_, 5..<8): verdict = (.benign, "seen as it should be; agreed with the owner")
        default: return sort()
        }
        plan(
            95,
            .incident(incident, .comment(isDeed ? "nobody has ordered this; asking" : "looks like daily work; asking")))
        // Grave ones within hours, others the day after.
        let decided: Int64 = isDeed ? 240 + Int64(chance % 120) : 1_300 + Int64(chance % 500)
        plan(decided, .incident(incident, .dispose(verdict.0, reason: verdict.1)))
        if verdict.0 != .isTrue, let identity = alert.identity {
            plan(decided - 60, .lift(identity: identity, why: verdict.1))
            plan(decided - 55, .lift(identity: identity, why: verdict.1), by: 1)
        }
        if chance % 3 == 0 { plan(decided + 30, .incident(incident, .close(reason: "done"))) }
        sort()
    }

    private mutating func sort() {
        // The next one last.
        planned.sort { ($1.time, $1.number) < ($0.time, $0.number) }
    }

    /// Does what is next.
    mutating func act(at hub: HubReplay, _ time: Int64) throws {
        guard let (_, _, person, act) = planned.popLast() else { return }
        let (name, key) = keys.people[person]
        switch act {
        case .incident(let id, let action):
            do {
                try hub.act(action, on: id, by: name, at: time)
            } catch let error as IncidentError {
                // It closed by itself before somebody came to it.
                guard case .isClosed = error else {
                    guard case .alreadyClosed = error else { throw error }
                    return
                }
            }
        case .lift(let identity, let why):
            let orders = try hub.database.read { db in
                try String.fetchAll(
                    db,
                    sql: """
                        SELECT id FROM incident_controls WHERE kind = 'order' AND state = 'active' AND identity_key = ?
                            AND until > ? ORDER BY id
                        """, arguments: [identity.lowercased(), time])
            }
            for order in orders {
                let lift = try Lift(orderID: order, by: FixtureKeys.mail(name), reason: why, at: time).signed(by: key)
                try hub.take(control: [.init(topic: .orders, key: lift.key, value: lift.value)], at: time)
            }
        }
    }
}
