// SPDX-License-Identifier: Apache-2.0

import CRdKafka

/// Whom to tell about one record; travels through librdkafka as the record's opaque pointer.
final class DeliveryReport: Sendable {
    typealias Callback = @Sendable (Result<(partition: Int32, offset: Int64), KafkaError>) -> Void

    private let topic: String
    private let callback: Callback

    init(topic: String, _ callback: @escaping Callback) {
        self.topic = topic
        self.callback = callback
    }

    static func register(on configuration: OpaquePointer) {
        rd_kafka_conf_set_dr_msg_cb(configuration) { _, message, _ in
            guard let message, let opaque = message.pointee._private else { return }
            // Balances passRetained in ProducerCore.produce: librdkafka reports each record exactly once.
            Unmanaged<DeliveryReport>.fromOpaque(opaque).takeRetainedValue().deliver(message)
        }
    }

    private func deliver(_ message: UnsafePointer<rd_kafka_message_t>) {
        let code = message.pointee.err
        if code == RD_KAFKA_RESP_ERR_NO_ERROR {
            callback(.success((message.pointee.partition, message.pointee.offset)))
            return
        }
        let advice =
            switch code {
            case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT: "No broker took it within message.timeout.ms."
            case RD_KAFKA_RESP_ERR__PURGE_QUEUE, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
                "The producer was closed before it could be sent."
            case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
                "Raise max.message.bytes of the topic (or message.max.bytes of the broker)."
            default: "See the log of the producer."
            }
        callback(.failure(KafkaError(code, "A record for \"\(topic)\" was not delivered: \(code.text). \(advice)")))
    }
}
