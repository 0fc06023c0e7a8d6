// SPDX-License-Identifier: Apache-2.0

package import Delivery
import Foundation
import GRDB
package import Logging
package import Notifications
import ServiceLifecycle
import Telemetry

/// Sends the weekly report through the hub's outbox: once per week, also across restarts, because the note that it was sent and its
/// deliveries are one transaction.
package struct ReportSender: Service {
    /// When the hub looks whether a report is due.
    private static let interval = Duration.seconds(30)
    /// A hub that has never sent one does not send the report of a moment longer ago than this, ms.
    private static let newHub: Int64 = 24 * 3_600_000

    private let maker: ReportMaker
    private let schedule: ReportSchedule
    private let outbox: DeliveryOutbox
    private let receivers: [Receiver]
    private let logger: Logger

    /// - Parameter receivers: those of mail and webhooks get it; other media have no form for it.
    /// - Throws: SQLite's error.
    package init(
        maker: ReportMaker, schedule: ReportSchedule, outbox: DeliveryOutbox, receivers: [Receiver], logger: Logger
    ) throws {
        self.maker = maker
        self.schedule = schedule
        self.outbox = outbox
        self.receivers = receivers
        self.logger = logger
        var migrator = DatabaseMigrator()
        migrator.registerMigration("report 2026-11-22 create sent reports") { db in
            try db.execute(
                sql: """
                    CREATE TABLE sent_reports (
                        week TEXT NOT NULL,
                        zone TEXT NOT NULL,
                        at INTEGER NOT NULL,
                        -- Of the JSON form; null for one that was passed over.
                        sha256 TEXT,
                        PRIMARY KEY (week, zone)
                    ) WITHOUT ROWID
                    """)
        }
        try migrator.migrate(outbox.database)
    }

    /// Whether a receiver has a medium that carries a report.
    package static func carries(_ receiver: Receiver) -> Bool {
        receiver.integrations.contains { $0.format.carriesReports }
    }

    /// Runs until graceful shutdown or until the task is cancelled.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var complaint = ""
            while !Task.isCancelled {
                do {
                    if let week = try step(now: RFC3339.nowMilliseconds()) {
                        logger.notice("the weekly report goes out", metadata: ["week": "\(week)"])
                    }
                    complaint = ""
                } catch {
                    if complaint != "\(error)" {
                        complaint = "\(error)"
                        logger.error("the weekly report cannot be made; trying again", metadata: ["error": "\(error)"])
                    }
                }
                try? await Task.sleep(for: Self.interval)
            }
        }
    }

    /// Puts the report that is due into the outbox.
    ///
    /// - Parameter now: ms since the epoch, UTC.
    /// - Returns: the week; nil where none is due, or it was sent.
    /// - Throws: SQLite's error, `DeliveryError`, `SignatureError`.
    package func step(now: Int64) throws -> String? {
        let (at, period) = try schedule.due(now)
        let (isSent, isFirst) = try outbox.database.read { db in
            (
                try Bool.fetchOne(
                    db, sql: "SELECT EXISTS (SELECT 1 FROM sent_reports WHERE week = ? AND zone = ?)",
                    arguments: [period.name, period.zoneName]) ?? false,
                try Bool.fetchOne(db, sql: "SELECT NOT EXISTS (SELECT 1 FROM sent_reports)") ?? true
            )
        }
        guard !isSent else { return nil }
        let isPassedOver = isFirst && now - at > Self.newHub
        let document = isPassedOver ? nil : try maker.report(on: period)
        let deliveries = try document.map(deliveries) ?? []
        return try outbox.database.write { db in
            try db.execute(
                sql: "INSERT INTO sent_reports (week, zone, at, sha256) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                arguments: [period.name, period.zoneName, now, document?.sha256])
            guard db.changesCount > 0, document != nil else { return nil }
            try outbox.enqueue(deliveries, in: db)
            return period.name
        }
    }

    private func deliveries(_ document: ReportDocument) throws -> [NewDelivery] {
        let header = document.report.header
        let message = ReportMessage(
            id: "report_\(header.week)_\(document.sha256.prefix(12))",
            subject: "Weekly insider-risk report \(header.week)\(header.tenant.map { ", \($0)" } ?? "")",
            time: header.to, lines: document.report.summary.lines, fileName: document.fileName(.html),
            html: document.bytes(.html), json: document.bytes(.json))
        return receivers.flatMap { receiver in
            receiver.integrations.compactMap { integration in
                integration.format.payload(report: message).map { payload in
                    NewDelivery(
                        messageID: message.id, target: integration.target.name, orderingKey: "report",
                        body: payload.body)
                }
            }
        }
    }
}
