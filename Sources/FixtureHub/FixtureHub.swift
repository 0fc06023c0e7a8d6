// SPDX-License-Identifier: Apache-2.0

import Activity
import AuditEvent
import Detection
import Detectors
package import Fixtures
import Foundation
import GRDB
import Hub
import Incidents
import Kafka

/// The databases that a hub has after the fixture month: its events through the detectors, their alerts, orders, approvals and what the
/// security team made of them through the hub's own code, at the times of the events. The same month gives the same contents.
package final class FixtureHub {
    /// What was played.
    package struct Summary: Sendable, Equatable {
        package var events = 0
        package var alerts = 0
        package var orders = 0
        package var approvals = 0
        package var deeds: [FixtureMonth.Deed] = []
        /// Deeds of which an expected rule did not fire, in words.
        package var missed: [String] = []
    }

    /// The hub's and the activity's databases lie here.
    package static let hubFile = "hub.sqlite"
    package static let activityFile = "activity.sqlite"

    private let month: FixtureMonth
    private let hub: HubReplay
    private let writer: ActivityWriter
    private let plan: DetectorPlan
    private let engine: Engine
    private let control: FixtureControl
    private var team: FixtureTeam
    private var summary = Summary()
    /// Names of rules that fired, with whom and when.
    private var fired: [(rule: String, identity: String, time: Int64)] = []

    /// - Parameters:
    ///   - detectors: rule files or folders.
    ///   - folder: where the databases are made; it must not hold any.
    /// - Throws: what cannot be read or written, with a sentence.
    package init(_ month: FixtureMonth, detectors: [String], folder: String) throws {
        self.month = month
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for file in [Self.hubFile, Self.activityFile]
        where FileManager.default.fileExists(atPath: "\(folder)/\(file)") {
            throw FixtureHubError("\(folder)/\(file) is there already; choose an empty folder.")
        }
        // Beside the databases, for who looks into them: who is who, and when changes are planned.
        let calendar = "\(folder)/deployment.ics"
        try month.calendarICS.write(toFile: calendar, atomically: true, encoding: .utf8)
        try month.identitiesCSV.write(toFile: "\(folder)/identities.csv", atomically: true, encoding: .utf8)
        let directory = try IdentityDirectory(text: month.identitiesCSV, file: "identities.csv")
        let files = try DetectorFiles(paths: detectors, calendar: calendar)
        if let error = files.errors.first { throw error }
        let mapping = try Mapping.named("ocsf")
        plan = try DetectorSetup(files, mapping: mapping, directory: directory).plan()
        engine = Engine(plan: plan, options: .init(lateness: 60_000))
        control = try FixtureControl(month: month, directory: directory)
        hub = try HubReplay(
            databasePath: "\(folder)/\(Self.hubFile)", receivers: [try FixtureControl.receiver()],
            control: control.topics, evidenceKey: control.keys.hub)
        writer = try ActivityWriter(
            database: ActivitySchema.open(path: "\(folder)/\(Self.activityFile)"),
            settings: ActivitySettings(mapping: mapping, directory: directory), now: 0)
        team = FixtureTeam(keys: control.keys)
    }

    /// Plays the whole month.
    ///
    /// - Parameter progress: is told each day before it is played, from 0.
    /// - Throws: SQLite's error, or the sentence of what refused something.
    package func run(progress: (Int) -> Void = { _ in }) throws -> Summary {
        // Fixture data can be made again: no commit waits for the disk.
        try hub.database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = OFF") }
        for day in 0..<month.dayCount {
            progress(day)
            try play(day)
        }
        engine.finish()
        try take(engine.takeAlerts(), at: month.midnight(month.dayCount))
        try pass(to: month.midnight(month.dayCount), including: true)
        for deed in summary.deeds {
            for rule in deed.expected
            where !fired.contains(where: {
                $0.rule == rule && $0.identity == deed.identity && $0.time >= deed.from
                    && $0.time <= deed.to + 3_600_000
            }) {
                summary.missed.append("\(deed.kind) of \(deed.identity): \(rule) did not fire")
            }
        }
        summary.approvals = control.asked
        return summary
    }

    private func play(_ day: Int) throws {
        let played = month.day(day) { [control] need in control.approval(for: need) }
        try control.ask(on: day)
        summary.deeds += played.deeds
        let uid = Slot.missing
        for (number, event) in played.events.enumerated() {
            let partition = TopicPartition(topic: "gatewatch.audit", partition: 0)
            try event.json.withUnsafeBytes { bytes in
                writer.take(
                    partition, offset: Int64(summary.events + number), timestamp: event.timeMilliseconds,
                    payload: bytes)
                try engine.process(plan.decoder.decode(bytes, fallbackUID: uid))
            }
            if engine.hasAlerts { try take(engine.takeAlerts(), at: event.timeMilliseconds) }
        }
        summary.events += played.events.count
        try writer.commit()
        try pass(to: month.midnight(day + 1), including: false)
    }

    /// What is due before, then the alerts, as fast as the pipeline does it.
    private func take(_ alerts: [Alert], at time: Int64) throws {
        try pass(to: time, including: false)
        for alert in alerts {
            fired.append((alert.ruleName, alert.identity ?? "", alert.time))
            summary.alerts += 1
            let (finding, order) = control.answer(alert, at: time + 20)
            if let order {
                summary.orders += 1
                try hub.take(control: [order], at: time + 40)
            }
            try hub.take(alerts: [finding], at: time + 60)
            try hub.deliver(enqueuedAt: time + 60) { [month] in FixtureControl.arrival($0, time + 60, month) }
            let isDeed = summary.deeds.contains {
                $0.identity == alert.identity && $0.from <= alert.time && alert.time <= $0.to + 3_600_000
            }
            try hub.database.read { db in
                try team.hear(of: alert, isDeed: isDeed, until: month.midnight(month.dayCount), in: db)
            }
        }
    }

    /// Requests, decisions and people's acts up to a time, in their order.
    private func pass(to end: Int64, including isWhole: Bool) throws {
        while true {
            let next = (control.next, team.next)
            let time = min(next.0 ?? .max, next.1 ?? .max)
            guard time < end else { break }
            if next.0 == time {
                try hub.take(control: control.take(), at: time)
            } else {
                try team.act(at: hub, time)
            }
        }
        if isWhole || end >= lastPass + 3_600_000 {
            try hub.pass(to: end)
            lastPass = end
        }
    }

    private var lastPass: Int64 = 0
}

/// The fixture's databases cannot be made.
package struct FixtureHubError: Error, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
