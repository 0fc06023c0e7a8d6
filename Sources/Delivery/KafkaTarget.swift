// SPDX-License-Identifier: Apache-2.0
import Dispatch
package import Kafka
package import Logging
import Synchronization

/// A Kafka topic that takes a record for each line of a message, with the message's ordering key for its own.
package struct KafkaTarget: DeliveryTarget {
    package let name: String
    private let properties: KafkaProperties
    private let topic: String
    private let timeoutMilliseconds: Int

    package var endpoint: String { "kafka://\(properties.values["bootstrap.servers"] ?? "")/\(topic)" }

    /// - Parameters:
    ///   - name: 1 to 64 of `[A-Za-z0-9_-]`.
    ///   - properties: librdkafka's, at least `bootstrap.servers`.
    ///   - timeoutMilliseconds: of one attempt.
    /// - Throws: ``DeliveryError`` naming the target.
    package init(
        name: String, properties: KafkaProperties, topic: String, timeoutMilliseconds: Int = 20_000
    ) throws(DeliveryError) {
        try TargetName.check(name)
        guard properties.values["bootstrap.servers"] != nil else {
            throw .badTarget(name: name, reason: "it has no bootstrap.servers")
        }
        let isTopic =
            (1...249).contains(topic.utf8.count)
            && topic.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || "._-".utf8.contains(byte)
            }
        guard isTopic else { throw .badTarget(name: name, reason: "'\(topic.prefix(80))' cannot be a topic's name") }
        self.name = name
        self.properties = properties
        self.topic = topic
        self.timeoutMilliseconds = timeoutMilliseconds
    }

    package func connect(_ cancellation: CurlCancellation, logger: Logger) throws -> any DeliveryConnection {
        // A record that is late is reported as failed before the attempt gives up on it: none is in flight afterwards.
        let timed = KafkaProperties([
            "message.timeout.ms": String(max(1_000, timeoutMilliseconds)), "linger.ms": "0",
        ]).merging(properties)
        return KafkaConnection(
            producer: try KafkaProducer(properties: timed, logger: logger), topic: topic, cancellation: cancellation)
    }

    private final class KafkaConnection: DeliveryConnection {
        private let producer: KafkaProducer
        private let topic: String
        private let cancellation: CurlCancellation

        init(producer: KafkaProducer, topic: String, cancellation: CurlCancellation) {
            self.producer = producer
            self.topic = topic
            self.cancellation = cancellation
        }

        deinit { producer.close(flushMilliseconds: 100) }

        func attempt(_ message: OutgoingMessage) -> Attempt {
            /// What is still to be reported, and the first failure.
            final class Reports: Sendable {
                let state = Mutex<(waiting: Int, failure: String?)>((0, nil))
                let change = DispatchSemaphore(value: 0)
            }
            let reports = Reports()
            let lines = message.body.split(separator: 0x0A)
            for line in lines {
                reports.state.withLock { $0.waiting += 1 }
                do {
                    try producer.send(
                        topic: topic, key: Array(message.orderingKey.utf8), payload: Array(line),
                        onDelivery: { result in
                            reports.state.withLock { state in
                                state.waiting -= 1
                                if case .failure(let error) = result, state.failure == nil {
                                    state.failure = "\(error)"
                                }
                            }
                            reports.change.signal()
                        })
                } catch {
                    reports.state.withLock { state in
                        state.waiting -= 1
                        if state.failure == nil { state.failure = "\(error)" }
                    }
                    break
                }
            }
            while reports.state.withLock({ $0.waiting > 0 }) {
                if cancellation.isCancelled { return .cancelled }
                _ = reports.change.wait(timeout: .now() + .milliseconds(200))
            }
            if let failure = reports.state.withLock({ $0.failure }) {
                return .failed(Attempt.Failure(error: failure))
            }
            return .delivered(status: nil)
        }
    }
}
