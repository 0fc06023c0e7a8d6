// SPDX-License-Identifier: Apache-2.0

import Delivery
import Foundation
import GRDB
import Hub
import Logging
import Notifications
import Report
import Testing

@Suite struct SendingTests {
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// An outbox that is not started: what is put in stays to be looked at.
    private func sender(_ world: World, at text: String = "monday 07:00", zone: String = "UTC") throws -> ReportSender {
        let webhook = try WebhookTarget(
            name: "board", url: "https://board.example.com/hook",
            secrets: [WebhookSecret(Secret(reference: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))])
        let outbox = try DeliveryOutbox(database: world.hub, targets: [webhook], logger: quiet)
        return try ReportSender(
            maker: ReportMaker(hub: world.hub, activity: world.activity, settings: settings()),
            schedule: ReportSchedule(text, zone: zone), outbox: outbox,
            receivers: [
                Receiver(name: "board", integrations: [.init(target: webhook, format: .webhook, sendsResolved: true)])
            ], logger: quiet)
    }

    private func bodies(_ world: World) throws -> [String] {
        try world.hub.read { db in
            try Data.fetchAll(db, sql: "SELECT body FROM deliveries WHERE target = 'board' ORDER BY id")
        }.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func aWeekIsSentOnceAlsoByARestartedHub() throws {
        let world = try busyWorld()
        let due = monday + 7 * day + 7 * hour
        #expect(try sender(world).step(now: due - 1) == nil)
        #expect(try sender(world).step(now: due) == "2026-W46")
        #expect(try sender(world).step(now: due + 1) == nil)
        #expect(try bodies(world).count == 1)
        // A week later the next one.
        #expect(try sender(world).step(now: due + 7 * day) == "2026-W47")
        #expect(try bodies(world).count == 2)
        // A hub that was away for days sends it when it is back, a week that is past is not made up for.
        #expect(try sender(world).step(now: due + 24 * day) == "2026-W49")
    }

    @Test func theWebhookHasTheReportWithoutNames() throws {
        let world = try busyWorld()
        _ = try sender(world).step(now: monday + 7 * day + 7 * hour)
        let body = try #require(try bodies(world).first)
        #expect(body.hasPrefix(#"{"type":"gatewatch.report.weekly","timestamp":"2026-11-16T00:00:00"#))
        #expect(!body.contains("@example.com"))
        let object = try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]
        let data = try #require(object?["data"] as? [String: Any])
        #expect((data["report"] as? [String: Any])?["schema_version"] as? Int == 1)
        #expect((data["sha256"] as? String)?.count == 64)
    }

    @Test func aNewHubDoesNotSendTheReportOfDaysAgo() throws {
        let world = try busyWorld()
        let due = monday + 7 * day + 7 * hour
        #expect(try sender(world).step(now: due + 24 * hour + 1) == nil)
        #expect(try sender(world).step(now: due + 24 * hour + 2) == nil)
        #expect(try bodies(world).isEmpty)
        #expect(try sender(world).step(now: due + 7 * day) == "2026-W47")
    }

    @Test func theTimeIsThatOfTheZonesWallClock() throws {
        // Sunday, 25 October 2026: in Berlin 02:30 comes twice, the first one counts.
        let schedule = try ReportSchedule("sunday 02:30", zone: "Europe/Berlin")
        let due = try schedule.due(1_792_890_000_000)
        #expect(due.at == 1_792_888_200_000 && due.period.name == "2026-W42")
        #expect(try schedule.due(due.at - 1).period.name == "2026-W41")
        for text in [
            "monday", "7:00", "monday 7:00", "monday 24:00", "monday 07:60", "someday 07:00", "monday 07:00 x",
        ] {
            #expect(throws: PeriodError.self) { try ReportSchedule(text, zone: "UTC") }
        }
        #expect(throws: PeriodError.self) { try ReportSchedule("monday 07:00", zone: "Mars") }
    }

    @Test func aMailHasTheSummaryAndTheReportAsAFile() throws {
        let mail = try MailFormat(from: MailAddress("gatewatch@example.com"), to: [MailAddress("board@example.com")])
        var message = ReportMessage(
            id: "report_2026-W46", subject: "Weekly report\r\nBcc: eve@example.com", time: monday, lines: ["One."],
            fileName: "gatewatch-2026-W46.html", html: Array("<p>é".utf8), json: Array("{}".utf8))
        let format = MessageFormat.mail(mail, MessageTemplates())
        let text = String(decoding: try #require(format.payload(report: message)).body, as: UTF8.self)
        #expect(text.contains("Content-Disposition: attachment; filename=\"gatewatch-2026-W46.html\"\r\n"))
        #expect(text.contains(Data("<p>é".utf8).base64EncodedString()) && text.contains("- One."))
        #expect(!text.contains("\r\nBcc:"))
        #expect(text.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 998 })
        message.html = Array(repeating: 0x61, count: 2 * 1024 * 1024)
        let large = try #require(format.payload(report: message)).body
        #expect(
            large.count < DeliveryOutbox.maximumBodyBytes
                && String(decoding: large, as: UTF8.self).contains("too large"))
        message.json = Array(repeating: 0x20, count: 2 * 1024 * 1024)
        #expect(try #require(MessageFormat.webhook.payload(report: message)).body.count < 1_000)
    }

    @Test func whoAskedForNamesStandsInTheEvidence() throws {
        let world = try busyWorld()
        let maker = ReportMaker(hub: world.hub, activity: world.activity, settings: try settings())
        let period = try ReportPeriod(week: "2026-W46")
        let before = try maker.report(on: period).bytes(.html)
        let named = try maker.namedReport(on: period, for: "ben@example.com", via: "command", now: monday + 8 * day)
        let code = try #require(named.report.risk.top.first?.who.code)
        #expect(
            try maker.lookUp(code.lowercased(), for: "ben@example.com", via: "console", now: monday + 8 * day)
                == "ana@example.com")
        #expect(try maker.lookUp("P-00000000", for: "ben@example.com", via: "console", now: monday + 8 * day) == nil)
        let rows = try world.hub.read { db in
            try Row.fetchAll(
                db, sql: "SELECT actor, action, subject, payload FROM evidence ORDER BY sequence DESC LIMIT 3")
        }
        #expect(rows.map { $0["action"] as String } == ["report.lookup", "report.lookup", "report.named"])
        #expect(
            rows[2]["subject"] as String == "2026-W46"
                && rows[2]["payload"] as String == #"{"via":"command","zone":"UTC"}"#)
        // What was noted after the week changes nothing in the report on it.
        #expect(try maker.report(on: period).bytes(.html) == before)
    }
}
