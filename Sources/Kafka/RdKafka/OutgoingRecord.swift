// SPDX-License-Identifier: Apache-2.0

import CRdKafka

/// A record on its way into librdkafka's queue.
struct OutgoingRecord {
    let topic: String
    let key: [UInt8]?
    let payload: [UInt8]?
    let headers: [(String, [UInt8])]
    let partition: Int32?
    let timestampMilliseconds: Int64?

    /// Queues a copy of the record. The report is handed over to librdkafka only when this succeeds.
    func enqueue(on client: OpaquePointer, report: UnsafeMutableRawPointer) throws(KafkaError) {
        let ownedHeaders = headers.isEmpty ? nil : makeHeaders()
        let error = topic.withCString { topicName in
            Self.withBytes(key) { key in
                Self.withBytes(payload) { payload in
                    var fields = [
                        Self.field(RD_KAFKA_VTYPE_TOPIC) { $0.u.cstr = topicName },
                        Self.field(RD_KAFKA_VTYPE_PARTITION) { $0.u.i32 = partition ?? -1 },
                        Self.field(RD_KAFKA_VTYPE_KEY) { $0.u.mem = .init(ptr: key.baseAddress, size: key.count) },
                        Self.field(RD_KAFKA_VTYPE_VALUE) {
                            $0.u.mem = .init(ptr: payload.baseAddress, size: payload.count)
                        },
                        Self.field(RD_KAFKA_VTYPE_MSGFLAGS) { $0.u.i = RD_KAFKA_MSG_F_COPY },
                        Self.field(RD_KAFKA_VTYPE_OPAQUE) { $0.u.ptr = report },
                    ]
                    if let timestampMilliseconds {
                        fields.append(Self.field(RD_KAFKA_VTYPE_TIMESTAMP) { $0.u.i64 = timestampMilliseconds })
                    }
                    if let ownedHeaders {
                        fields.append(Self.field(RD_KAFKA_VTYPE_HEADERS) { $0.u.headers = ownedHeaders })
                    }
                    return rd_kafka_produceva(client, fields, fields.count)
                }
            }
        }
        guard let error else { return }
        // librdkafka owns the headers only when the record was queued.
        if let ownedHeaders { rd_kafka_headers_destroy(ownedHeaders) }
        throw KafkaError(consuming: error, "A record for \"\(topic)\" was not queued")
    }

    private func makeHeaders() -> OpaquePointer? {
        let list = rd_kafka_headers_new(headers.count)
        for (name, value) in headers {
            Self.withBytes(value) { bytes in
                _ = rd_kafka_header_add(list, name, -1, bytes.baseAddress, bytes.count)
            }
        }
        return list
    }

    private static func field(_ kind: rd_kafka_vtype_t, _ fill: (inout rd_kafka_vu_t) -> Void) -> rd_kafka_vu_t {
        var field = rd_kafka_vu_t()
        field.vtype = kind
        fill(&field)
        return field
    }

    /// Null and empty differ in Kafka, so an empty array gets an address too. librdkafka only reads from it.
    private static func withBytes<R>(_ bytes: [UInt8]?, _ body: (UnsafeMutableRawBufferPointer) -> R) -> R {
        guard let bytes else { return body(UnsafeMutableRawBufferPointer(start: nil, count: 0)) }
        if bytes.isEmpty {
            return withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) { scratch in
                body(UnsafeMutableRawBufferPointer(start: scratch.baseAddress, count: 0))
            }
        }
        return bytes.withUnsafeBytes { body(UnsafeMutableRawBufferPointer(mutating: $0)) }
    }
}
