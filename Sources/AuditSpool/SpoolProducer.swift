// SPDX-License-Identifier: Apache-2.0

import Kafka
import Logging

/// The Kafka client of the spool: it never gives an event up by itself, and holds a bounded number of them.
enum SpoolProducer {
    /// - Throws: `KafkaError` naming the property that is wrong.
    static func start(
        _ properties: KafkaProperties, _ limits: SpoolLimits, _ logger: Logger
    ) throws -> KafkaProducer {
        var given = properties
        // Another name of message.timeout.ms, which would win or lose by its place in the alphabet.
        given["delivery.timeout.ms"] = nil
        let defaults = KafkaProperties([
            "linger.ms": "1", "reconnect.backoff.max.ms": "1000", "queue.buffering.max.kbytes": "65536",
        ])
        let own = KafkaProperties([
            "enable.idempotence": "true", "message.timeout.ms": "0",
            "queue.buffering.max.messages": "\(limits.inFlightEvents + 1)",
        ])
        return try KafkaProducer(properties: defaults.merging(given).merging(own), logger: logger)
    }
}
