// SPDX-License-Identifier: Apache-2.0

import CRdKafka

extension KafkaError {
    /// What a consumer's error message (one with a code, in place of a record) says to the operator, and the kind under
    /// which repeats of it are held back.
    static func reading(_ message: UnsafeMutablePointer<rd_kafka_message_t>) -> (error: KafkaError, kind: String) {
        let code = message.pointee.err
        let reason = rd_kafka_message_errstr(message).map { String(cString: $0) } ?? code.text
        let topic = message.pointee.rkt.flatMap(rd_kafka_topic_name).map { String(cString: $0) } ?? ""
        let sentence =
            switch code {
            case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
                "The topic \"\(topic)\" does not exist (yet): create it or correct its name. "
                    + "The consumer goes on and takes it up when it appears."
            case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
                "Kafka does not allow this client to read \"\(topic)\": \(reason). Grant it READ on topic and group."
            case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
                "The consumer did not poll for longer than max.poll.interval.ms, so its partitions went to others. "
                    + "It joins again now; raise the interval if the work needs that long."
            default:
                "Reading \(topic.isEmpty ? "from Kafka" : "\"\(topic)\"") met an error: \(reason). The consumer goes on."
            }
        return (KafkaError(code, sentence), "\(code.name) \(topic)")
    }
}
