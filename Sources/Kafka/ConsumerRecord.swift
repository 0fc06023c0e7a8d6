// SPDX-License-Identifier: Apache-2.0

import CRdKafka

/// What librdkafka hands over, a record or an error; it is given back with this.
struct Message: ~Copyable {
    let pointer: UnsafeMutablePointer<rd_kafka_message_t>

    /// Nil when none comes in time.
    init?(of client: OpaquePointer, timeoutMilliseconds: Int32) {
        guard let pointer = rd_kafka_consumer_poll(client, timeoutMilliseconds) else { return nil }
        self.pointer = pointer
    }

    deinit {
        rd_kafka_message_destroy(pointer)
    }

    /// With one, the payload is its text and not a record's.
    var error: rd_kafka_resp_err_t { pointer.pointee.err }
    var partition: Int32 { pointer.pointee.partition }
    var offset: Int64 { pointer.pointee.offset }
}

/// One record: key and payload are librdkafka's memory, not copied. It goes back when the record goes out of scope, so the buffer
/// pointers must not outlive the record, nor the record its consumer.
package struct ConsumerRecord: ~Copyable {
    private let message: Message

    /// Where the record stands. Interned per assignment: reading it builds no string.
    package let topicPartition: TopicPartition

    init(message: consuming Message, topicPartition: TopicPartition) {
        self.message = message
        self.topicPartition = topicPartition
    }

    /// The record's offset in its partition.
    package var offset: Int64 { message.pointer.pointee.offset }

    /// Milliseconds since the epoch, UTC: the producer's time or the broker's, as the topic is configured.
    /// Nil when the record carries none.
    package var timestampMilliseconds: Int64? {
        var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let value = rd_kafka_message_timestamp(message.pointer, &kind)
        return kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || value < 0 ? nil : value
    }

    /// The key's bytes; nil when the record has no key. An empty key is not nil.
    package var key: UnsafeRawBufferPointer? {
        guard let start = message.pointer.pointee.key else { return nil }
        return UnsafeRawBufferPointer(start: start, count: message.pointer.pointee.key_len)
    }

    /// The value's bytes; nil for a tombstone. An empty value is not nil.
    package var payload: UnsafeRawBufferPointer? {
        guard let start = message.pointer.pointee.payload else { return nil }
        return UnsafeRawBufferPointer(start: start, count: message.pointer.pointee.len)
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
        return rd_kafka_message_headers(message.pointer, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR ? headers : nil
    }
}
