// SPDX-License-Identifier: Apache-2.0

import Activity
import Foundation
import GRDB
import Hub
import Report

/// The weekly report over 10,000 identities: five weeks of activity and 20,000 alerts of 2,000 incidents.
///
///     gatewatch-bench report
enum ReportBench {
    private static let identities = 10_000
    private static let alerts = 20_000
    private static let rounds = 5

    static func run() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("report-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let replay = try HubReplay(databasePath: "\(folder)/hub.sqlite")
        try replay.database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = OFF") }
        // Spread over the five weeks.
        let step = 35 * 86_400_000 / Int64(alerts)
        for start in stride(from: 0, to: alerts, by: 1_000) {
            let time = ActivityFill.end - Int64(alerts - start) * step
            try replay.take(
                alerts: (start..<min(start + 1_000, alerts)).map {
                    ConsoleBench.finding($0, $0 % (alerts / 10), time)
                }, at: time)
        }
        let activity = try ActivitySchema.open(path: "\(folder)/activity.sqlite")
        try ActivityFill.fill(activity, identities: identities, days: 35)
        let maker = try ReportMaker(
            hub: replay.database, activity: activity,
            settings: ReportSettings(pseudonyms: PseudonymKey(path: "\(folder)/pseudonyms.key"), version: "bench"))
        let period = try ReportPeriod(lastBefore: ActivityFill.end, zone: "UTC")
        var times: [Double] = []
        var cpu: [Double] = []
        var bytes = 0
        for _ in 0..<rounds {
            let (began, spent) = (ContinuousClock.now, processNanoseconds())
            bytes = try maker.report(on: period).bytes(.html).count
            let took = began.duration(to: .now).components
            times.append(Double(took.seconds) + Double(took.attoseconds) / 1e18)
            cpu.append(Double(processNanoseconds() - spent) / 1e9)
        }
        row(
            "weekly report, 10,000 identities, 20,000 alerts",
            "\(format(times.median, 2)) s, \(format(cpu.median, 2)) s of CPU, \(bytes / 1024) KiB of HTML")
    }
}
