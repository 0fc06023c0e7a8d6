// SPDX-License-Identifier: Apache-2.0

import CRdKafka

/// One record, valid only inside the closure that received it: key and payload are borrowed from librdkafka, not copied.
///
/// The type cannot be copied, so the record does not outlive the closure; the buffer pointers must not either.
package struct ConsumerRecord: ~Copyable {
    private let message: UnsafeMutablePointer<rd_kafka_message_t>

    /// Where the record stands. Interned per assignment: reading it builds no string.
    package let topicPartition: TopicPartition

    init(message: UnsafeMutablePointer<rd_kafka_message_t>, topicPartition: TopicPartition) {
        self.message = message
        self.topicPartition = topicPartition
    }

    /// The record's offset in its partition.
    package var offset: Int64 { message.pointee.offset }

    /// Milliseconds since the epoch, UTC: the producer's time or the broker's, as the topic is configured.
    /// Nil when the record carries none.
    package var timestampMilliseconds: Int64? {
        var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let value = rd_kafka_message_timestamp(message, &kind)
        return kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || value < 0 ? nil : value
    }

    /// The key's bytes; nil when the record has no key. An empty key is not nil.
    package var key: UnsafeRawBufferPointer? {
        guard let start = message.pointee.key else { return nil }
        return UnsafeRawBufferPointer(start: start, count: message.pointee.key_len)
    }

    /// The value's bytes; nil for a tombstone. An empty value is not nil.
    package var payload: UnsafeRawBufferPointer? {
        guard let start = message.pointee.payload else { return nil }
        return UnsafeRawBufferPointer(start: start, count: message.pointee.len)
    }

    /// A copy of the last header of that name (Kafka allows repeats); a header without a value reads as empty.
    package func header(_ name: String) -> [UInt8]? {
        guard let headers else { return nil }
        var value: UnsafeRawPointer?
        var size = 0
        guard rd_kafka_header_get_last(headers, name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        return Array(UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : size))
    }

    /// A copy of every header, in the record's order.
    package var allHeaders: [(String, [UInt8])] {
        guard let headers else { return [] }
        var all: [(String, [UInt8])] = []
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        while rd_kafka_header_get_all(headers, all.count, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR,
            let name
        {
            let bytes = UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : size)
            all.append((String(cString: name), Array(bytes)))
        }
        return all
    }

    private var headers: OpaquePointer? {
        var headers: OpaquePointer?
        return rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR ? headers : nil
    }
}
