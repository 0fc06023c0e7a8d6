// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kafka
import Synchronization
import Testing

extension BrokerTests {
    @Suite struct ProduceConsume {
        struct Copy: Equatable {
            var partition: TopicPartition
            var offset: Int64
            var time: Int64?
            var key: [UInt8]?
            var payload: [UInt8]?
            var headers: [String]
        }

        @Test func recordsArriveWithKeyHeadersTimeAndTombstones() async throws {
            let broker = try EmbeddedBroker(topics: [("t", 2)])
            let producer = try broker.producer()
            let headers: [(String, [UInt8])] = [("reason", Array("late".utf8)), ("reason", [0, 255]), ("empty", [])]
            let first = try await producer.send(
                topic: "t", key: [1, 0, 2], payload: [9, 0, 9], headers: headers, partition: 1,
                timestampMilliseconds: 1_700_000_000_123)
            let tombstone = try await producer.send(topic: "t", key: [7], payload: nil, partition: 1)
            let empty = try await producer.send(topic: "t", key: [], payload: [], partition: 1)
            let bare = try await producer.send(topic: "t", key: nil, payload: [1], partition: 1)
            #expect([first, tombstone, empty, bare].map(\.partition) == [1, 1, 1, 1])
            #expect([first, tombstone, empty, bare].map(\.offset) == [0, 1, 2, 3])
            producer.close()

            let consumer = try broker.consumer(["t"])
            var got: [Copy] = []
            var last: [[UInt8]?] = []
            try until("four records") {
                _ = try consumer.poll(timeoutMilliseconds: 100) { record in
                    got.append(
                        Copy(
                            partition: record.topicPartition, offset: record.offset, time: record.timestampMilliseconds,
                            key: record.key.map { Array($0) }, payload: record.payload.map { Array($0) },
                            headers: record.allHeaders.map { "\($0.0)=\($0.1)" }))
                    last.append(record.header("reason"))
                }
                return got.count >= 4
            }
            consumer.close()
            let place = TopicPartition(topic: "t", partition: 1)
            #expect(
                got.first
                    == Copy(
                        partition: place, offset: 0, time: 1_700_000_000_123, key: [1, 0, 2], payload: [9, 0, 9],
                        headers: ["reason=[108, 97, 116, 101]", "reason=[0, 255]", "empty=[]"]))
            #expect(last == [[0, 255], nil, nil, nil])
            #expect(got.map(\.payload) == [[9, 0, 9], nil, [], [1]])
            #expect(got.map(\.key) == [[1, 0, 2], [7], [], nil])
            #expect(got.map(\.offset) == [0, 1, 2, 3])
        }

        @Test func twentyThousandRecordsPassInOrderPerPartition() throws {
            let count = 20_000
            let broker = try EmbeddedBroker(topics: [("t", 4)])
            let producer = try broker.producer()
            let places = Mutex<Set<[Int64]>>([])
            for number in 0..<count {
                try producer.send(
                    topic: "t", key: Array("key \(number % 100)".utf8), payload: Array("\(number)".utf8)
                ) { result in
                    guard case .success(let (partition, offset)) = result else { return }
                    places.withLock { _ = $0.insert([Int64(partition), offset]) }
                }
            }
            try producer.flush(timeoutMilliseconds: Int32(patience * 1000))
            producer.close()
            #expect(places.withLock { $0.count } == count)

            let consumer = try broker.consumer(["t"])
            var seen = Set<Int>()
            var nextOffset: [TopicPartition: Int64] = [:]
            var lastNumber: [TopicPartition: Int] = [:]
            var disorder = 0
            try until("\(count) records") {
                _ = try consumer.poll(timeoutMilliseconds: 100) { record in
                    let text = String(decoding: record.payload ?? .init(start: nil, count: 0), as: UTF8.self)
                    let number = Int(text) ?? -1
                    let place = record.topicPartition
                    if record.offset != nextOffset[place, default: 0] || number <= lastNumber[place, default: -1] {
                        disorder += 1
                    }
                    nextOffset[place] = record.offset + 1
                    lastNumber[place] = number
                    seen.insert(number)
                }
                return seen.count >= count
            }
            #expect(disorder == 0)
            #expect(seen == Set(0..<count))
            #expect(nextOffset.count == 4)
            #expect(consumer.lag().values.allSatisfy { $0 == 0 })
            consumer.close()
        }

        @Test func aTenMegabyteRecordPasses() async throws {
            let broker = try EmbeddedBroker(topics: [("t", 1)])
            let large = [UInt8]((0..<10 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
            let producer = try broker.producer()
            _ = try await producer.send(topic: "t", key: nil, payload: large)
            producer.close()
            let consumer = try broker.consumer(["t"])
            var isSame = false
            try until("the large record") {
                try consumer.poll(timeoutMilliseconds: 100) { record in
                    isSame = record.payload.map { Array($0) == large } ?? false
                } > 0
            }
            #expect(isSame)
            consumer.close()
        }

        @Test func aRecordOverTheLimitIsRefusedAtOnce() throws {
            let broker = try EmbeddedBroker(topics: [("t", 1)])
            let producer = try broker.producer(["message.max.bytes": "2000"])
            let error = #expect(throws: KafkaError.self) {
                try producer.send(topic: "t", key: nil, payload: [UInt8](repeating: 0, count: 5000)) { _ in }
            }
            #expect(error?.code == "MSG_SIZE_TOO_LARGE")
            #expect(error?.isRetriable == false)
            producer.close()
        }

        @Test func pollHandsOverNoMoreThanAsked() throws {
            let broker = try EmbeddedBroker(topics: [("t", 1)])
            try broker.produce((0..<10).map(String.init), topic: "t")
            let consumer = try broker.consumer(["t"])
            var batches: [Int] = []
            try until("ten records") {
                let count = try consumer.poll(maxRecords: 3, timeoutMilliseconds: 100) { _ in }
                if count > 0 { batches.append(count) }
                return batches.reduce(0, +) >= 10
            }
            #expect(batches.allSatisfy { $0 <= 3 })
            consumer.close()
        }

        @Test func whatTheBodyThrowsComesOutOfPollAndPollingGoesOn() throws {
            struct Stop: Error {}
            let broker = try EmbeddedBroker(topics: [("t", 1)])
            try broker.produce(["a", "b"], topic: "t")
            let consumer = try broker.consumer(["t"])
            #expect(throws: Stop.self) {
                try until("a record") { try consumer.poll(timeoutMilliseconds: 100) { _ in throw Stop() } > 0 }
            }
            #expect(try consumer.texts(1) == ["b"])
            consumer.close()
        }
    }
}
