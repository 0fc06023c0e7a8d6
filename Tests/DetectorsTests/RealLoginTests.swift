// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Detectors
import Foundation
import Sigma
import Testing
import YAMLDocument

/// The shipped detectors over hours of logons as real products write them: everything else stays silent, the break-in is one alert.
@Suite("Brute force in login logs")
struct RealLoginTests {
    private func alerts(
        _ log: RealLoginLog, _ form: RealLoginLog.Form, jobs: Int = 1
    ) throws -> (alerts: [Alert], summary: BacktestSummary) {
        try alerts(log.lines(form), form, jobs: jobs)
    }

    private func alerts(
        _ lines: [String], _ form: RealLoginLog.Form, jobs: Int = 1
    ) throws -> (alerts: [Alert], summary: BacktestSummary) {
        let folder = try TemporaryFolder()
        let file = try folder.write(form.fileName, lines.joined(separator: "\n"))
        let mapping = try Mapping.named(form.mapping)
        let detectors = try DetectorFiles(paths: [Checkout.path("detectors")])
        let backtest = try Backtest(
            DetectorSetup(detectors, mapping: mapping),
            files: try LogFiles([file], lines: mapping.lines, year: 2026), options: .init(jobs: jobs))
        var alerts: [Alert] = []
        try backtest.run { alerts.append($0) }
        #expect(backtest.summary.rejected == [:], "\(backtest.summary.examples)")
        return (alerts, backtest.summary)
    }

    /// People who mistype, scanners that never get in, and somebody whose name was guessed at in vain 19 minutes before.
    private func quiet(seed: UInt64) -> RealLoginLog {
        var log = RealLoginLog(seed: seed)
        log.addPeople()
        log.addScanners()
        log.addGuesses(60, at: "dora", from: "198.51.100.7", seconds: 9000, getsIn: false)
        log.add("dora", from: "10.1.0.200", at: 9000 + 59 * 4 + 19 * 60, succeeds: true)
        return log
    }

    @Test(
        "typing errors, scanners and the usual address 19 minutes later raise nothing",
        arguments: RealLoginLog.Form.allCases, [1, 2])
    func silent(form: RealLoginLog.Form, seed: UInt64) throws {
        let (found, summary) = try alerts(quiet(seed: seed), form)
        #expect(found.map(\.message) == [])
        #expect(summary.events > 4000)
        #expect(summary.unmatchedLines == 0)
    }

    @Test("a brute force that gets in is one alert", arguments: RealLoginLog.Form.allCases, [1, 2])
    func breakIn(form: RealLoginLog.Form, seed: UInt64) throws {
        var log = quiet(seed: seed)
        log.addGuesses(240, at: "eva", from: "198.51.100.9", seconds: 12_000, getsIn: true)
        // Once in, it comes again.
        log.add("eva", from: "198.51.100.9", at: 13_100, succeeds: true)
        let (found, _) = try alerts(log, form)
        #expect(found.map(\.ruleName) == ["gw_fail_then_succeed"])
        #expect(found.first?.identity == "eva")
        let (shared, _) = try alerts(log, form, jobs: 3)
        #expect(shared.map(\.id) == found.map(\.id))
    }

    @Test("five guesses are enough, four are not", arguments: RealLoginLog.Form.allCases, [(4, 0), (5, 1)])
    func edge(form: RealLoginLog.Form, guesses: (count: Int, alerts: Int)) throws {
        var log = RealLoginLog(seed: 1)
        log.addGuesses(guesses.count, at: "eva", from: "198.51.100.9", seconds: 0, getsIn: true)
        #expect(try alerts(log, form).alerts.count == guesses.alerts)
    }

    @Test("a message that syslog counted is as many failures", arguments: [(4, 0), (5, 1)])
    func repeated(guesses: (count: Int, alerts: Int)) throws {
        let tail = "from 198.51.100.9 port 4242 ssh2"
        let lines = [
            "Dec 31 23:58:00 gate1 sshd[1]: message repeated \(guesses.count) times: [ Failed password for eva \(tail)]",
            "Jan  1 00:01:00 gate1 sshd[1]: Accepted password for eva \(tail)",
        ]
        #expect(try alerts(lines, .syslog).alerts.count == guesses.alerts)
    }

    @Test("keys that a client offers before the right one are no guesses")
    func keys() throws {
        let tail = "from 10.0.0.9 port 4242 ssh2"
        let lines =
            (1...6).map { "Nov 18 10:00:0\($0) gate1 sshd[1]: Failed publickey for ana \(tail): RSA SHA256:\($0)" } + [
                "Nov 18 10:00:08 gate1 sshd[1]: Accepted publickey for ana \(tail): ED25519 SHA256:x"
            ]
        #expect(try alerts(lines, .syslog).alerts.isEmpty)
    }

    @Test("rules written for sshd itself run on its lines")
    func sigma() throws {
        let rules = """
            title: sshd refuses the key exchange of a scanner
            logsource: { product: linux, service: sshd }
            detection:
              keywords: ['*unexpected internal error*', '*Bad protocol version*']
              condition: keywords
            level: medium
            ---
            title: Other product
            logsource: { product: windows, service: security }
            detection: { selection: { event: failed }, condition: selection }
            """
        let folder = try TemporaryFolder()
        let file = try folder.write(
            "auth.log",
            """
            Nov 18 10:00:00 gate1 sshd[1]: Bad protocol version identification 'GET / HTTP/1.0' from 192.0.2.4 port 4
            Nov 18 10:00:01 gate1 sshd[1]: Failed password for root from 192.0.2.4 port 4 ssh2
            -- Boot 0 --
            """)
        let mapping = try Mapping.named("sshd")
        let files = try DetectorFiles(documents: try YAMLReader.documents(text: rules, file: "r.yml"))
        let backtest = try Backtest(
            DetectorSetup(files, mapping: mapping), files: try LogFiles([folder.path], lines: mapping.lines))
        var alerts: [Alert] = []
        try backtest.run { alerts.append($0) }
        #expect(alerts.map(\.relatedEvents) == [["line:1"]])
        #expect(file.hasSuffix("auth.log"))
        #expect(backtest.notApplicable == 1)
        #expect(backtest.summary.events == 3)
        #expect(backtest.summary.unmatchedLines == 1)
    }
}
