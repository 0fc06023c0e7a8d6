// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes
import Hummingbird
import Kafka
import Logging
import Synchronization

/// `gatewatch-bench outage --minutes 60`: a hub in a process of its own, a receiver that is away for so long, alerts of many incidents
/// before, meanwhile and after; in the middle the hub is killed. Then each alert must have arrived, those of an incident in their order.
///
/// In real time and by the schedule that ships: a target that is down is asked every minute, and all that waited follows when it is back.
enum OutageCheck {
    private static let incidents = 200
    /// One alert each so many milliseconds.
    private static let spacing = 1_000

    /// What came, in its order.
    private final class Inbox: Sendable {
        private let arrived = Mutex<[String]>([])
        var ids: [String] { arrived.withLock { $0 } }
        func note(_ id: String) { arrived.withLock { $0.append(id) } }
    }

    static func run(_ arguments: [String]) async throws {
        let place = arguments.firstIndex(of: "--minutes")
        let value = place.map { $0 + 1 < arguments.count ? arguments[$0 + 1] : "" } ?? "60"
        guard let minutes = Double(value), minutes > 0, minutes <= 24 * 60 else {
            throw BenchError(description: "gatewatch-bench outage --minutes 60")
        }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gatewatch-outage-\(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let broker = try BrokerProcess(topics: [
            "gatewatch.alerts", "gatewatch.audit", "gatewatch.orders", "gatewatch.approvals", "gatewatch.feedback",
            "gatewatch.recordings",
        ])
        defer { broker.stop() }
        let inbox = Inbox()
        let (port, receiver) = try await listen(0, inbox)
        var hub = try startHub(broker.properties, port, folder)
        defer { hub.terminate() }
        let producer = try KafkaProducer(
            properties: broker.properties, logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        defer { producer.close() }

        var sent = 0
        func send(for seconds: Double) async throws {
            let end = ContinuousClock.now + .seconds(seconds)
            while ContinuousClock.now < end {
                let (incident, number) = (sent % incidents, sent / incidents)
                let finding = finding(incident, number)
                _ = try await producer.send(
                    topic: "gatewatch.alerts", key: Array("person-\(incident)".utf8), payload: Array(finding.utf8))
                sent += 1
                try await Task.sleep(for: .milliseconds(spacing))
            }
        }
        let around = min(120, minutes * 30)
        try await send(for: around)
        say("\(stamp()) \(sent) alerts sent, \(inbox.ids.count) arrived; the receiver goes away for \(minutes) minutes")
        receiver.cancel()
        _ = await receiver.result
        let before = inbox.ids.count
        try await send(for: minutes * 30)
        kill(hub.processIdentifier, SIGKILL)
        hub.waitUntilExit()
        say("\(stamp()) \(sent) alerts sent; the hub was killed and is started again")
        hub = try startHub(broker.properties, port, folder)
        try await send(for: minutes * 30)
        guard inbox.ids.count == before else {
            throw BenchError(description: "something arrived while nobody listened")
        }
        let (_, back) = try await listen(port, inbox)
        let returned = ContinuousClock.now
        say("\(stamp()) \(sent) alerts sent, \(before) of them arrived; the receiver is back")
        try await send(for: around)

        var said = 0
        while Set(inbox.ids).count < sent, ContinuousClock.now - returned < .seconds(4 * 3_600) {
            try await Task.sleep(for: .seconds(1))
            let arrived = Set(inbox.ids).count
            if arrived * 10 / sent > said {
                said = arrived * 10 / sent
                say("\(stamp()) \(arrived) of \(sent) arrived")
            }
        }
        let took = (ContinuousClock.now - returned).components.seconds
        back.cancel()
        try report(inbox.ids, sent: sent, minutes: minutes, took: took)
    }

    private static func report(_ ids: [String], sent: Int, minutes: Double, took: Int64) throws {
        var next = [Int](repeating: 0, count: incidents)
        var repeated = 0
        var disordered: [String] = []
        for id in ids {
            let parts = id.split(separator: "-").compactMap { Int($0) }
            guard parts.count == 2, parts[0] < incidents else {
                throw BenchError(description: "'\(id)' was never sent")
            }
            if parts[1] < next[parts[0]] {
                repeated += 1
            } else if parts[1] == next[parts[0]] {
                next[parts[0]] += 1
            } else {
                disordered.append(id)
            }
        }
        row("outage of \(minutes) minutes, hub killed once", "\(sent) alerts of \(incidents) incidents")
        row("  arrived, by id", "\(Set(ids).count)")
        row("  arrived more than once", "\(repeated)")
        row("  before an earlier one of their incident", "\(disordered.count)")
        row("  the last one, after the receiver was back", "\(took) s")
        guard Set(ids).count == sent, disordered.isEmpty else {
            throw BenchError(description: "the outage lost something")
        }
    }

    private static func stamp() -> String { Date().formatted(.iso8601) }

    private static func startHub(_ kafka: KafkaProperties, _ port: Int, _ folder: URL) throws -> Process {
        let hub = Process()
        hub.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("gatewatch")
        hub.arguments =
            [
                "hub", "--state", folder.path, "--webhook", "http://127.0.0.1:\(port)/hook", "--secret",
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "--allow-private", "--admin", "127.0.0.1:0",
            ] + kafka.values.sorted { $0.key < $1.key }.flatMap { ["-X", "\($0.key)=\($0.value)"] }
        hub.standardOutput = FileHandle.nullDevice
        hub.standardError = FileHandle.nullDevice
        try hub.run()
        return hub
    }

    /// A receiver on a port (0 for a free one), until its task is cancelled.
    private static func listen(_ port: Int, _ inbox: Inbox) async throws -> (Int, Task<Void, any Error>) {
        let router = Router()
        router.post("hook") { request, _ -> HTTPResponse.Status in
            _ = try await request.body.collect(upTo: 1 << 20)
            guard let name = HTTPField.Name("webhook-id"), let id = request.headers[name] else { return .badRequest }
            inbox.note(id)
            return .ok
        }
        let (ports, found) = AsyncStream<Int>.makeStream()
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { found.yield($0.localAddress?.port ?? 0) },
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        let task = Task { try await application.run() }
        guard let bound = await ports.first(where: { _ in true }), bound > 0 else {
            throw BenchError(description: "the receiver has no port")
        }
        return (bound, task)
    }

    private static func finding(_ incident: Int, _ number: Int) -> String {
        """
        {"class_uid":2004,"category_uid":2,"activity_id":1,"type_uid":200401,"severity_id":4,\
        "time":\(Int64(Date().timeIntervalSince1970 * 1000)),"metadata":{"version":"1.1.0","product":{"name":"Gatewatch"}},\
        "finding_info":{"uid":"a-\(incident)-\(number)","title":"Bulk vectors","analytic":{"type_id":1,"uid":"bulk"}},\
        "unmapped":{"group":{"identity":"person-\(incident)"},"identity":"person-\(incident)",\
        "incident_uid":"incident-\(incident)"}}
        """
    }
}
