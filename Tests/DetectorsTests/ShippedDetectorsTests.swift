// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Calendar
import Detection
import Detectors
import Foundation
import Sigma
import Testing

/// The rules of `detectors/`, read once.
enum Shipped {
    static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    static let files = Result { try DetectorFiles(paths: [root.appending(path: "detectors").path]) }

    /// Runs all of them over a file of events.
    static func alerts(
        path: String, directory: IdentityDirectory?, calendar: String? = nil
    ) throws -> (alerts: [Alert], events: Int) {
        let files =
            try calendar.map { try DetectorFiles(paths: [root.appending(path: "detectors").path], calendar: $0) }
            ?? Self.files.get()
        let backtest = try Backtest(
            DetectorSetup(files, mapping: .named("ocsf"), directory: directory), files: try LogFiles([path]))
        var alerts: [Alert] = []
        try backtest.run { alerts.append($0) }
        #expect(backtest.summary.rejected.isEmpty, "\(backtest.summary.examples)")
        return (alerts, backtest.summary.events)
    }

    /// Runs all of them over events at hand.
    static func alerts(_ events: [String], identities: String? = nil) throws -> [Alert] {
        let folder = try TemporaryFolder()
        let directory = try identities.map { try IdentityDirectory(text: $0, file: "identities.csv") }
        let path = try folder.write("events.ndjson", events.joined(separator: "\n"))
        let result = try alerts(path: path, directory: directory)
        #expect(result.events == events.count)
        return result.alerts
    }
}

@Suite("Shipped detectors")
struct ShippedDetectorsTests {
    @Test("are read without an error")
    func errors() throws {
        let files = try Shipped.files.get()
        #expect(files.errors.isEmpty, "\(files.errors)")
        #expect(files.rules.warnings.isEmpty, "\(files.rules.warnings)")
        #expect(files.rules.lint.isEmpty, "\(files.rules.lint)")
    }

    @Test("pass their own tests")
    func inlineTests() throws {
        let outcomes = try RuleTests.run(Shipped.files.get())
        #expect(outcomes.count > 200)
        for outcome in outcomes where !outcome.passed {
            Issue.record(
                "\(outcome.rule): \(outcome.test) (line \(outcome.line)): \(outcome.found) alerts: \(outcome.messages)")
        }
    }

    @Test(
        "every rule that raises alerts says what it detects, for whom, what to do, and has tests that fire and do not")
    func completeness() throws {
        let rules = try Shipped.files.get().rules
        for metadata in rules.metadata {
            #expect((metadata.description ?? "").hasPrefix("Detects "), "\(metadata.label)")
            #expect(metadata.label.hasPrefix("gw_") && UUID(uuidString: metadata.id ?? "") != nil, "\(metadata.label)")
            #expect(metadata.status != nil && metadata.level != nil, "\(metadata.label)")
            guard metadata.level != .informational else { continue }
            #expect(!metadata.falsePositives.isEmpty, "\(metadata.label)")
            #expect(metadata.tags.contains { $0.hasPrefix("attack.t") }, "\(metadata.label)")
            #expect(metadata.extensions.risk != nil, "\(metadata.label)")
            #expect(metadata.extensions.suppress != nil || metadata.extensions.firstSeen != nil, "\(metadata.label)")
            let tests = metadata.extensions.tests
            #expect(tests.contains { $0.alerts > 0 } && tests.contains { $0.alerts == 0 }, "\(metadata.label)")
        }
    }

    @Test("who only makes up a building block raises nothing by it")
    func buildingBlocks() throws {
        let rules = try Shipped.files.get().rules
        for index in rules.detections.indices where rules.detections[index].metadata.level == .informational {
            #expect(!rules.raisesAlerts(detection: index))
        }
        for index in rules.correlations.indices where rules.correlations[index].metadata.level != .informational {
            #expect(rules.raisesAlerts(correlation: index), "\(rules.correlations[index].metadata.label)")
        }
        for index in rules.detections.indices where rules.detections[index].metadata.level != .informational {
            #expect(rules.raisesAlerts(detection: index), "\(rules.detections[index].metadata.label)")
        }
    }

    private static let start: Int64 = 1_795_003_200_000

    private func event(_ identity: String, day: Int, second: Int, _ rest: String) -> String {
        let time = Self.start + Int64(day) * 86_400_000 + Int64(second) * 1000
        return """
            {"metadata":{"uid":"\(identity)-\(time)"},"time":\(time),"identity":"\(identity)",\(rest)}
            """
    }

    @Test("a first checkpoint is a level lower when a fifth of the peers have had one", arguments: [0, 1, 2])
    func peersSoftenAFirstCheckpoint(_ downloads: Int) throws {
        let people = (0..<8).map { "p\($0)" }
        let identities =
            "uid,peer_group\n" + people.map { "\($0),ml\n" }.joined()
        let logon = #""class_uid":3002,"activity_id":1,"status_id":1"#
        let download =
            #""class_uid":6003,"api":{"operation":"checkpoint.download","service":{"name":"registry"}},"#
            + #""status_id":1,"unmapped":{"approval_id":"apr-1"}"#
        var events = (0..<9).flatMap { day in
            people.enumerated().map { event($1, day: day, second: $0, logon) }
        }
        for number in 0..<downloads { events.append(event(people[number + 1], day: 9, second: number, download)) }
        events.append(event("p0", day: 10, second: 0, download))
        let alerts = try Shipped.alerts(events, identities: identities)
        let own = try #require(alerts.last { $0.identity == "p0" })
        #expect(own.ruleName == "gw_checkpoint_first")
        // Of the seven others two are more than a fifth, one is less.
        #expect(own.level == (downloads == 2 ? "low" : "medium"), "\(own.message)")
    }
}
