// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Connections
import Detectors
import Foundation
import Gateway
import Kafka
import LocalServices
import Logging
import OIDC
import Orders
import Pipeline
import Signing
import Synchronization
import YAMLDocument

/// Orders: what looking one up costs with many in force, and how long the loop takes from an event to the order.
enum OrderBench {
    private static let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }

    // MARK: Look-up

    static func lookUp() throws {
        let key = try SigningKey.generate(name: "detect-1")
        let keys = try TrustedKeys([
            TrustedKey(name: "detect-1", role: .automation, may: [.issue], publicText: key.publicText)
        ])
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        func book(_ count: Int) throws -> OrderBook {
            var book = OrderBook(
                keys: keys,
                safety: OrderSafety(
                    settings: .init(mode: .enforce, ordersPerHour: 1_000_000, sharePerHour: 1, shareFloor: 1_000_000)))
            for number in 0..<count {
                let order = Order.forAlert(
                    "alert-\(number)", actions: [.block],
                    subject: .init(type: .identity, value: "u-\(number)@example.com"),
                    reason: "a benchmark", severity: .high, issuer: .init(kind: .automation, name: "detect-1"),
                    issuedAt: now, ttl: 3_600_000)
                let record = try order.signed(by: key)
                guard case .applied = book.apply(record.value, key: record.key, now: now) else {
                    throw BenchError(description: "an order was not taken")
                }
            }
            return book
        }
        let callers = (0..<256).map {
            Caller(identity: "someone-\($0)@example.com", session: "s-\($0)", tokenIssuedAt: now)
        }
        func nanoseconds(_ book: borrowing OrderBook) -> Double {
            var found = 0
            let rounds = 400_000
            let start = processNanoseconds()
            for round in 0..<rounds {
                let effect = book.effect(
                    on: callers[round & 255], connection: "vectors", operation: "vectors.query", sensitive: false,
                    now: now)
                if effect != nil { found += 1 }
            }
            return found > 0 ? .nan : Double(processNanoseconds() - start) / Double(rounds)
        }
        let few = try book(10)
        let many = try book(10_000)
        // Turn by turn, so that both meet the same machine.
        var pairs: [(few: Double, many: Double)] = []
        for _ in 0..<7 { pairs.append((nanoseconds(few), nanoseconds(many))) }
        let small = pairs.map(\.few).median
        say("Orders looked up per request, for a caller without one")
        row("  10 in force", "\(format(small)) ns")
        row("  10,000 in force", "\(format(pairs.map(\.many).median)) ns")
        row("  ratio", "\(format(pairs.map { $0.many / $0.few }.median, 2)) ×")
    }

    // MARK: The loop

    private final class InForce: Sendable {
        private let times = Mutex<[String: ContinuousClock.Instant]>([:])
        func note(_ order: Order) { times.withLock { $0[order.subject.value] = .now } }
        func time(_ identity: String) -> ContinuousClock.Instant? { times.withLock { $0[identity] } }
        var count: Int { times.withLock { $0.count } }
    }

    static func loop(_ workload: Workload) async throws {
        let samples = 300
        let broker = try BrokerProcess(topics: [
            "gatewatch.audit", "gatewatch.alerts", "gatewatch.audit.rejected", "gatewatch.orders",
            "gatewatch.approvals",
        ])
        defer { broker.stop() }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gatewatch-bench-\(getpid())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let detectKey = try SigningKey.generate(name: "detect-1")
        let gatewayKey = try SigningKey.generate(name: "gateway-1")
        let keys = try TrustedKeys([
            TrustedKey(name: "detect-1", role: .automation, may: [.issue], publicText: detectKey.publicText),
            TrustedKey(name: "gateway-1", role: .gateway, may: [], publicText: gatewayKey.publicText),
        ])
        let free = OrderSafety.Settings(
            mode: .enforce, ordersPerHour: 1_000_000, sharePerHour: 1, shareFloor: 1_000_000)
        var settings = DetectSettings(
            kafka: broker.properties, stateFolder: "\(folder)/detect", mapping: try Mapping.named("ocsf"), workers: 1)
        // The shipped rule about leavers fires at a first event.
        settings.directory = try IdentityDirectory(
            text: "uid,end_date\n" + (0..<samples + 20).map { "left-\($0),2020-01-01\n" }.joined(),
            file: "identities.csv")
        settings.enforcement = EnforcementSettings(key: detectKey, safety: free)
        let detect = DetectService(settings: settings, detectors: workload.files, logger: logger)
        let inForce = InForce()
        let gateway = try GatewayService(
            settings: {
                var settings = GatewaySettings(
                    listen: ListenSettings(host: "127.0.0.1", port: 0), kafka: broker.properties,
                    stateFolder: "\(folder)/gateway",
                    issuers: [IssuerSettings(issuer: "http://127.0.0.1:9", audiences: ["x"])], trustedKeys: keys,
                    key: gatewayKey)
                settings.safety = free
                return settings
            }(),
            configuration: GatewayConfiguration(connections: ConnectionSet([])), logger: logger,
            onOrder: { order, _ in inForce.note(order) })
        let running = [Task { try await detect.run() }, Task { try await gateway.run() }]
        let producer = try KafkaProducer(
            properties: KafkaProperties(["linger.ms": "0"]).merging(broker.properties), logger: logger)

        func send(_ number: Int) async throws -> ContinuousClock.Instant {
            let time = Int64(Date().timeIntervalSince1970 * 1000)
            let event =
                #"{"metadata":{"uid":"e-\#(number)"},"time":\#(time),"class_uid":6003,"status_id":1,"actor":{"user":{"uid":"left-\#(number)"}},"api":{"operation":"vectors.query"}}"#
            let began = ContinuousClock.now
            try producer.send(topic: "gatewatch.audit", key: Array("left-\(number)".utf8), payload: Array(event.utf8)) {
                _ in
            }
            let deadline = began + .seconds(30)
            while inForce.time("left-\(number)") == nil {
                guard ContinuousClock.now < deadline else {
                    throw BenchError(description: "an order did not come in 30 s")
                }
                try await Task.sleep(for: .microseconds(500))
            }
            return began
        }
        var milliseconds: [Double] = []
        for number in 0..<samples + 20 {
            let began = try await send(number)
            // The first ones find the groups and connections being made.
            guard number >= 20, let at = inForce.time("left-\(number)") else { continue }
            milliseconds.append(Double((at - began) / .nanoseconds(1)) / 1e6)
        }
        producer.close()
        for task in running { task.cancel() }
        for task in running { try? await task.value }
        milliseconds.sort()
        say(
            "From an audit event sent to its order in force at the gateway, \(samples) one after the other, broker in another process"
        )
        row("  median", "\(format(milliseconds[samples / 2])) ms")
        row("  p99", "\(format(milliseconds[samples * 99 / 100])) ms  (budget 25 ms)")
    }
}
