// SPDX-License-Identifier: Apache-2.0

import Activity
import AsyncHTTPClient
import Foundation
import GRDB
import Hub
import Kafka
import LocalServices
import Logging
import Recordings

/// The console's pages over HTTP, from a hub in a process of its own that has 100,000 alerts, a million recordings and the activity of
/// 10,000 identities.
///
///     gatewatch-bench console [ALERTS RECORDINGS IDENTITIES]
enum ConsoleBench {
    private static let requests = 60
    private static let alertsOfIncident = 10

    static func run() async throws {
        let sizes = CommandLine.arguments.dropFirst(2).compactMap { Int($0) }
        let (alerts, recordings, identities) =
            sizes.count == 3 ? (sizes[0], sizes[1], sizes[2]) : (100_000, 1_000_000, 10_000)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("console-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let incident = try fill(folder.path, alerts: alerts, recordings: recordings, identities: identities)
        say(
            "\(alerts) alerts of \(alerts / alertsOfIncident) incidents, \(recordings) recordings, \(identities) identities × 5 weeks"
        )

        let quiet = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let (ports, found) = AsyncStream<Int>.makeStream()
        let people = [LocalPerson(subject: "u-ana", email: "ana@example.com", name: "Ana", groups: ["soc"])]
        let issuer = LocalIssuer(people: people, logger: quiet) { found.yield($0) }
        let issuing = Task { try await issuer.run() }
        defer { issuing.cancel() }
        guard let port = await ports.first(where: { _ in true }) else { throw BenchError(description: "no issuer") }
        let broker = try BrokerProcess(topics: ["gatewatch.alerts", "gatewatch.audit", "gatewatch.recordings"])
        defer { broker.stop() }
        let log = folder.appendingPathComponent("hub.log")
        let hub = try startHub(broker, port, folder, log)
        defer { hub.terminate() }
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: .init(redirectConfiguration: .disallow))
        do {
            let base = try await address(log, hub)
            let browser = LocalBrowser(base: base, client: client)
            let login = try await browser.login(as: "u-ana")
            guard login.status < 400 else { throw BenchError(description: "login: \(login.status) \(login.body)") }
            for path in [
                "/", "/incidents", "/incidents?status=all&identity=person-7@example.com", "/incidents/\(incident)",
                "/identities/person-7@example.com", "/approvals", "/orders", "/deliveries", "/detectors", "/evidence",
                "/recordings", "/recordings?text=quarterly", "/health",
            ] {
                try await measure(path, browser)
            }
        } catch {
            try await client.shutdown()
            throw error
        }
        try await client.shutdown()
    }

    private static func measure(_ path: String, _ browser: LocalBrowser) async throws {
        var times: [Double] = []
        var bytes = 0
        for _ in 0..<requests {
            let began = ContinuousClock.now
            let page = try await browser.get(path)
            let took = began.duration(to: .now).components
            guard page.status == 200 else { return row("  \(path)", "answered \(page.status)") }
            bytes = page.body.utf8.count
            times.append(Double(took.seconds) * 1e3 + Double(took.attoseconds) / 1e15)
        }
        times.sort()
        row(
            "  \(path)",
            "p50 \(format(times.median)) ms, p95 \(format(times[times.count * 95 / 100])) ms, \(bytes / 1024) KiB")
    }

    /// - Returns: the id of an incident.
    private static func fill(_ folder: String, alerts: Int, recordings: Int, identities: Int) throws -> String {
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        let replay = try HubReplay(databasePath: "\(folder)/hub.sqlite")
        try replay.database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = OFF") }
        let incidents = max(1, alerts / alertsOfIncident)
        for start in stride(from: 0, to: alerts, by: 1_000) {
            let time = now - Int64(alerts - start) * 8_000
            try replay.take(
                alerts: (start..<min(start + 1_000, alerts)).map { finding($0, $0 % incidents, time) }, at: time)
        }
        try ActivityFill.fill(
            ActivitySchema.open(path: "\(folder)/activity.sqlite"), identities: identities, days: 35)
        let store = try RecordingStore(path: "\(folder)/recordings.sqlite")
        for start in stride(from: 0, to: recordings, by: 200) {
            _ = try store.store(
                (start..<min(start + 200, recordings)).map { number in
                    ReceivedRecording(
                        topic: "gatewatch.recordings", partition: 0, offset: Int64(number),
                        payload: RecordingBench.recording(number).json)
                }, now: now)
        }
        return "incident-7"
    }

    static func finding(_ number: Int, _ incident: Int, _ time: Int64) -> [UInt8] {
        Array(
            """
            {"activity_id":1,"class_uid":2004,"time":\(time),"severity_id":\(number % 4 + 2),"risk_score":\(number % 100),\
            "message":"\(String(repeating: "many vectors ", count: 20))","finding_info":{"uid":"a-\(number)","title":"Bulk vectors",\
            "analytic":{"uid":"rule-\(number % 40)","name":"rule_\(number % 40)"}},"unmapped":{"identity":\
            "person-\(incident)@example.com","incident_uid":"incident-\(incident)","rule_status":"stable",\
            "group":{"identity":"person-\(incident)@example.com"}}}
            """.utf8)
    }

    private static func startHub(_ broker: BrokerProcess, _ issuer: Int, _ folder: URL, _ log: URL) throws -> Process {
        let file = folder.appendingPathComponent("hub.yml")
        try """
        kafka: { \(broker.properties.values.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \"\($0.value)\"" }.joined(separator: ", ")) }
        hub:
          state: "\(folder.path)"
          admin: 127.0.0.1:0
          console:
            listen: 127.0.0.1:0
            oidc: { issuer: "\(LocalIssuer.url(port: issuer))", client_id: \(LocalIssuer.clientID), client_secret: "env:BENCH_SECRET", algorithms: [ES256] }
            roles: { analyst: [soc] }
        """.write(to: file, atomically: true, encoding: .utf8)
        try Data().write(to: log)
        let hub = Process()
        hub.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("gatewatch")
        hub.arguments = ["hub", "--config", file.path]
        hub.environment = ProcessInfo.processInfo.environment.merging(["BENCH_SECRET": LocalIssuer.clientSecret]) { $1 }
        hub.standardOutput = FileHandle.nullDevice
        hub.standardError = try FileHandle(forWritingTo: log)
        try hub.run()
        return hub
    }

    /// Where the console is, as the hub's log says.
    private static func address(_ log: URL, _ hub: Process) async throws -> String {
        let deadline = ContinuousClock.now + .seconds(120)
        while ContinuousClock.now < deadline {
            let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
            if let place = text.range(of: "the console is at ") {
                return String(text[place.upperBound...].prefix { !$0.isWhitespace })
            }
            guard hub.isRunning else { throw BenchError(description: "the hub ended: \(text.suffix(800))") }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw BenchError(description: "the console did not start")
    }
}
