// SPDX-License-Identifier: Apache-2.0

import CRdKafka

/// What went wrong with Kafka, in a sentence for the operator.
package struct KafkaError: Error, Sendable, Equatable, CustomStringConvertible {
    /// librdkafka's name of the code, such as `_ALL_BROKERS_DOWN` (raised by the client) or `TOPIC_ALREADY_EXISTS` (by a broker).
    package let code: String
    /// What, where, and what to do.
    package let sentence: String
    /// Trying the same again later can succeed.
    package let isRetriable: Bool
    /// The client cannot be used any more: close it and make a new one.
    package let isFatal: Bool

    /// The sentence, then the code.
    package var description: String { "\(sentence) [\(code)]" }

    init(_ code: rd_kafka_resp_err_t, _ sentence: String, isFatal: Bool = false) {
        self.code = code.name
        self.sentence = sentence
        self.isFatal = isFatal || code == RD_KAFKA_RESP_ERR__FATAL
        self.isRetriable = !self.isFatal && code.isRetriable
    }
}

extension KafkaError {
    /// Takes over an `rd_kafka_error_t` and frees it. `what` is the beginning of the sentence: "Topic x was not created".
    init(consuming error: OpaquePointer, _ what: String) {
        defer { rd_kafka_error_destroy(error) }
        let reason = rd_kafka_error_string(error).map { String(cString: $0) } ?? "unknown error"
        self.init(rd_kafka_error_code(error), "\(what): \(reason).", isFatal: rd_kafka_error_is_fatal(error) != 0)
    }

    /// The client was used after `close()`.
    static func closed(_ what: String) -> KafkaError {
        KafkaError(RD_KAFKA_RESP_ERR__STATE, "The Kafka \(what) is closed: make a new one to go on.")
    }
}
