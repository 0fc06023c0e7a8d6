// SPDX-License-Identifier: Apache-2.0

import Foundation
package import GRDB
import Incidents
package import Signing

/// Makes reports for the console, the API, the commands and the schedule, and notes who asked for names.
package struct ReportMaker: Sendable {
    private let hub: any DatabaseWriter
    private let source: ReportSource
    private let settings: ReportSettings
    private let key: SigningKey?
    /// Of the IANA database: in which weeks begin where nobody says otherwise.
    package let zone: String

    /// - Parameters:
    ///   - hub: the hub's database.
    ///   - activity: that of activity; nil where there is none.
    ///   - key: the hub's; nil to leave reports unsigned.
    package init(
        hub: any DatabaseWriter, activity: (any DatabaseReader)?, settings: ReportSettings, zone: String = "UTC",
        key: SigningKey? = nil
    ) {
        self.hub = hub
        source = ReportSource(hub: hub, activity: activity)
        self.settings = settings
        self.zone = zone
        self.key = key
    }

    /// The report on a week, with codes in place of names.
    ///
    /// - Throws: SQLite's error, `SignatureError`.
    package func report(on period: ReportPeriod) throws -> ReportDocument {
        try ReportDocument(source.report(on: period, settings: settings, edition: .pseudonymous), key: key)
    }

    /// The report on a week with names. Who asked for it, when and for which week stands in the evidence chain before it is made.
    ///
    /// - Parameters:
    ///   - actor: who asks.
    ///   - via: how the person came in: `console`, `token:ID`, `command`.
    ///   - now: ms since the epoch, UTC.
    /// - Throws: SQLite's error, `SignatureError`.
    package func namedReport(on period: ReportPeriod, for actor: String, via: String, now: Int64) throws
        -> ReportDocument
    {
        try note("report.named", period.name, ["zone": period.zoneName, "via": via], by: actor, now: now)
        return try ReportDocument(source.report(on: period, settings: settings, edition: .named), key: key)
    }

    /// Whose code it is; nil where no identity has it. Who asked stands in the evidence chain before it is answered.
    ///
    /// - Throws: SQLite's error.
    package func lookUp(_ code: String, for actor: String, via: String, now: Int64) throws -> String? {
        let code = code.uppercased()
        try note("report.lookup", String(code.prefix(40)), ["via": via], by: actor, now: now)
        return try source.identity(ofCode: code, settings: settings)
    }

    private func note(_ action: String, _ subject: String, _ payload: [String: String], by actor: String, now: Int64)
        throws
    {
        try hub.write { db in
            _ = try EvidenceChain.append(
                actor: actor, action: action, subject: subject, payload: payload, at: now, in: db)
        }
    }
}
