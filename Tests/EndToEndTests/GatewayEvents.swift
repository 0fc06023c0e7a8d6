// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kafka
import Synchronization
import TestSupport

/// Reads the audit topic, without a group, on a thread of its own and keeps every event: once per record, however often
/// it is read.
final class GatewayEvents: Sendable {
    /// What tests look at in an audit event.
    struct Event: Decodable, Sendable {
        struct Metadata: Decodable { let uid: String; let correlation_uid: String? }
        struct User: Decodable { let uid: String?; let email_addr: String? }
        struct Actor: Decodable { let user: User? }
        struct Service: Decodable { let name: String }
        struct API: Decodable { let operation: String; let service: Service? }
        struct Resource: Decodable, Hashable { let type: String; let name: String }
        struct Response: Decodable { let code: Int; let length: Int64 }
        struct Request: Decodable {
            struct Location: Decodable { let path: String }
            let http_method: String
            let url: Location
            let length: Int64
        }
        struct Unmapped: Decodable { let items: Int?; let order_id: String?; let stream: Bool? }
        struct Policy: Decodable { let name: String }
        let metadata: Metadata
        let class_uid: Int
        let status_id: Int
        let status_code: String?
        let user: User?
        let actor: Actor?
        let api: API?
        let resources: [Resource]?
        let http_request: Request?
        let http_response: Response
        let unmapped: Unmapped
        let policy: Policy

        var uid: String { metadata.uid }
        var who: String? { actor?.user?.uid ?? user?.uid }
        /// API Activity of a request, not of an order; nor of a connection that does not speak HTTP, such as a Kafka client of another
        /// test that looks for its broker, which is gone, at a port that is this gateway's now.
        var isRequest: Bool {
            class_uid == 6003 && api?.service?.name != "gatewatch" && status_code != "unreadable"
        }
        var items: Int? { unmapped.items }
        var names: [String] { (resources ?? []).map { "\($0.type):\($0.name)" } }
    }

    private struct Place: Hashable {
        let partition: Int32
        let offset: Int64
    }

    private struct State {
        var payloads: [Place: [UInt8]] = [:]
        var failure: (any Error)?
        var isStopping = false
        var isRunning = true
    }

    private let state = Mutex(State())
    private let properties: KafkaProperties

    init(properties: KafkaProperties) {
        self.properties = properties
        let thread = Thread { [self] in
            do {
                let reader = try KafkaTopicReader(properties: properties, topics: [Stage.auditTopic], logger: quiet)
                defer { reader.close() }
                while !state.withLock({ $0.isStopping }) {
                    _ = try reader.poll(timeoutMilliseconds: 100) { record in
                        let place = Place(partition: record.topicPartition.partition, offset: record.offset)
                        let payload = record.payload.map { Array($0) } ?? []
                        state.withLock { $0.payloads[place] = payload }
                    }
                }
            } catch {
                state.withLock { $0.failure = error }
            }
            state.withLock { $0.isRunning = false }
        }
        thread.name = "audit reader"
        thread.start()
    }

    /// What has come.
    func all() throws -> [Event] {
        let payloads = try state.withLock { state in
            if let failure = state.failure { throw failure }
            return state.payloads.sorted { ($0.key.partition, $0.key.offset) < ($1.key.partition, $1.key.offset) }.map(
                \.value)
        }
        return try payloads.map { try JSONDecoder().decode(Event.self, from: Data($0)) }
    }

    /// How many have come.
    var count: Int { state.withLock { $0.payloads.count } }

    /// Waits until the gateway's spool is empty and everything that Kafka has by then is here.
    func settled(_ gateway: GatewayProcess, seconds: Double = 120) async throws -> [Event] {
        try await eventually("the spool is empty: \(gateway.child.tail)", seconds: seconds) {
            try await gateway.child.get("healthz").body.contains("\"0 events wait for Kafka")
        }
        return try await caughtUp()
    }

    /// Waits until everything that Kafka has now is here.
    func caughtUp() async throws -> [Event] {
        let producer = try KafkaProducer(properties: properties, logger: quiet)
        defer { producer.close() }
        let ends = try producer.endOffsets(of: Stage.auditTopic, timeoutMilliseconds: 30_000)
        try await eventually("the reader comes to the end of the audit topic") {
            if let failure = state.withLock({ $0.failure }) { throw failure }
            return ends.allSatisfy { (place, end) in
                end == 0
                    || state.withLock { $0.payloads[Place(partition: place.partition, offset: end - 1)] != nil }
            }
        }
        return try all()
    }

    func stop() async {
        state.withLock { $0.isStopping = true }
        try? await eventually("the reader stops") { !state.withLock { $0.isRunning } }
    }
}
