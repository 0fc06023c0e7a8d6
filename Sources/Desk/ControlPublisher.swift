// SPDX-License-Identifier: Apache-2.0

import Approvals
import Hub
import Incidents
import Kafka
import Logging
import Orders
import Signing

/// Sends what the hub signs for persons: judged by the book first, then by Kafka, then in the hub's own books.
final class ControlPublisher: Sendable {
    private static let properties = ["linger.ms": "0", "message.timeout.ms": "10000"]

    let books: ControlBooks
    let key: SigningKey
    private let topics: ControlTopics
    private let may: Set<TrustedKey.Permission>
    private let producer: KafkaProducer

    /// Nil where the hub follows no orders, or has no key.
    ///
    /// - Throws: `KafkaError` where a property is wrong.
    init?(hub: HubService, key: SigningKey?, logger: Logger) throws {
        guard let books = hub.books, let topics = hub.configuration.control, let key else { return nil }
        self.books = books
        self.key = key
        self.topics = topics
        let known = topics.keys[key.name]
        may = known?.role == .hub && known?.publicText == key.publicText ? known?.may ?? [] : []
        producer = try KafkaProducer(
            properties: KafkaProperties(Self.properties).merging(hub.configuration.kafka), logger: logger)
    }

    deinit { producer.close(flushMilliseconds: 0) }

    /// Says whether the hub can sign this for persons now.
    ///
    /// - Throws: ``DeskError``.
    func require(_ permission: TrustedKey.Permission) throws(DeskError) {
        guard may.contains(permission) else {
            throw .refused(
                "the hub's key '\(key.name)' may not \(permission.rawValue): give it may: [\(permission.rawValue)] in the "
                    + "trusted keys of the hub and of the gateways")
        }
        guard books.isCaughtUp else {
            throw .unavailable("the hub is still reading the orders and approvals: try again in a moment")
        }
    }

    /// Sends a record and waits until Kafka has it.
    ///
    /// - Throws: ``DeskError/unavailable(_:)``.
    func send(_ record: SignedRecord, to topic: ControlTimeline.Record.Topic) async throws {
        let name =
            switch topic {
            case .orders: topics.orders
            case .approvals: topics.approvals
            }
        do {
            _ = try await producer.send(topic: name, key: Array(record.key.utf8), payload: record.value)
        } catch {
            throw DeskError.unavailable(
                "Kafka has not confirmed it: \(error). It may still arrive: look again before you repeat it")
        }
    }
}
