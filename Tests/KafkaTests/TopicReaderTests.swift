// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kafka
import Synchronization
import Testing

extension EmbeddedBroker {
    fileprivate func reader(
        _ topics: [String], startingAt starts: [TopicPartition: Int64] = [:], _ more: [String: String] = [:],
        logger: LogLines = LogLines()
    ) throws -> KafkaTopicReader {
        try KafkaTopicReader(
            properties: clientProperties.merging(KafkaProperties(more)), topics: topics, startingAt: starts,
            logger: logger.logger)
    }
}

extension KafkaTopicReader {
    /// Polls until the reader has caught up, and returns what came: partition and text, nil for a tombstone.
    fileprivate func textsUntilCaughtUp() throws -> [TopicPartition: [String?]] {
        var texts: [TopicPartition: [String?]] = [:]
        try until("the reader has caught up") {
            try take(into: &texts)
            return isCaughtUp
        }
        return texts
    }

    fileprivate func take(into texts: inout [TopicPartition: [String?]], maxRecords: Int = 1000) throws {
        _ = try poll(maxRecords: maxRecords, timeoutMilliseconds: 50) { record in
            texts[record.topicPartition, default: []].append(
                record.payload.map { String(decoding: $0, as: UTF8.self) })
        }
    }
}

extension BrokerTests {
    @Suite struct TopicReader {
        @Test func everyPartitionOfEveryTopicIsReadFromItsBeginningTombstonesIncluded() async throws {
            let broker = try EmbeddedBroker(topics: [("orders", 4), ("approvals", 4)])
            var expected: [TopicPartition: [String?]] = [:]
            let producer = try broker.producer()
            for topic in ["orders", "approvals"] {
                for partition in Int32(0)..<4 {
                    let texts = (0..<5).map { "\(topic) \(partition) \($0)" }
                    try broker.produce(texts, topic: topic, partition: partition)
                    _ = try await producer.send(topic: topic, key: [1], payload: nil, partition: partition)
                    expected[TopicPartition(topic: topic, partition: partition)] = texts + [nil]
                }
            }
            producer.close()
            let first = try broker.reader(["orders", "approvals"])
            let second = try broker.reader(["orders", "approvals"])
            #expect(!first.isCaughtUp)
            #expect(try first.textsUntilCaughtUp() == expected)
            #expect(try second.textsUntilCaughtUp() == expected, "another reader gets everything too")
            #expect(Set(first.assignment) == Set(expected.keys))
            #expect(first.missingTopics == [])
            first.close()
            second.close()
        }

        @Test func whatIsWrittenLaterComesToo() throws {
            let broker = try EmbeddedBroker(topics: [("t", 2)])
            try broker.produce(["a"], topic: "t", partition: 0)
            let reader = try broker.reader(["t"])
            var texts = try reader.textsUntilCaughtUp()
            try broker.produce(["b", "c"], topic: "t", partition: 1)
            try broker.produce(["d"], topic: "t", partition: 0)
            let expected = [
                TopicPartition(topic: "t", partition: 0): ["a", "d"],
                TopicPartition(topic: "t", partition: 1): ["b", "c"],
            ]
            try until("four records") {
                try reader.take(into: &texts)
                return texts.values.reduce(0) { $0 + $1.count } >= 4
            }
            #expect(texts == expected)
            #expect(reader.isCaughtUp)
        }

        @Test func emptyTopicsAreCaughtUpWithAtOnce() throws {
            let broker = try EmbeddedBroker(topics: [("orders", 4), ("approvals", 4)])
            let reader = try broker.reader(["orders", "approvals"])
            #expect(try reader.textsUntilCaughtUp() == [:])
            #expect(reader.assignment.count == 8)
        }

        @Test func caughtUpComesWithTheLastRecordAndNotBefore() throws {
            let broker = try EmbeddedBroker(topics: [("t", 2)])
            try broker.produce(["a", "b", "c"], topic: "t", partition: 0)
            try broker.produce(["d", "e"], topic: "t", partition: 1)
            let reader = try broker.reader(["t"])
            var texts: [TopicPartition: [String?]] = [:]
            var early = 0
            try until("five records") {
                try reader.take(into: &texts, maxRecords: 1)
                let count = texts.values.reduce(0) { $0 + $1.count }
                if reader.isCaughtUp, count < 5 { early += 1 }
                return count >= 5
            }
            #expect(early == 0)
            #expect(reader.isCaughtUp)
        }

        @Test func tenThousandRecordsComeInOrderPerPartition() throws {
            let broker = try EmbeddedBroker(topics: [("t", 4)])
            let producer = try broker.producer()
            for number in 0..<10_000 {
                try producer.send(
                    topic: "t", key: Array("key \(number % 100)".utf8), payload: Array("\(number)".utf8)
                ) { _ in }
            }
            try producer.flush(timeoutMilliseconds: Int32(patience * 1000))
            producer.close()
            let reader = try broker.reader(["t"])
            let texts = try reader.textsUntilCaughtUp()
            var seen = Set<Int>()
            for (_, texts) in texts {
                let numbers = texts.compactMap { $0.flatMap { Int($0) } }
                #expect(numbers == numbers.sorted())
                seen.formUnion(numbers)
            }
            #expect(texts.count == 4)
            #expect(texts.values.reduce(0) { $0 + $1.count } == 10_000)
            #expect(seen == Set(0..<10_000))
        }

        @Test func aBrokerThatIsAwayAtTheStartIsWaitedFor() throws {
            let broker = try EmbeddedBroker(topics: [("t", 2)])
            try broker.produce(["a", "b"], topic: "t", partition: 1)
            try broker.setDown()
            let lines = LogLines()
            let reader = try broker.reader(["t"], logger: lines)
            try until("the reader notices") {
                _ = try reader.poll(timeoutMilliseconds: 20) { _ in }
                return reader.lastError != nil
            }
            #expect(!reader.isCaughtUp)
            #expect(reader.missingTopics == ["t"])
            try broker.setUp()
            #expect(try reader.textsUntilCaughtUp() == [TopicPartition(topic: "t", partition: 1): ["a", "b"]])
            #expect(reader.missingTopics == [])
        }

        @Test func anOutageInTheMiddleRepeatsAndLosesNothing() throws {
            let broker = try EmbeddedBroker(topics: [("t", 1)])
            try broker.produce(["a", "b"], topic: "t")
            let reader = try broker.reader(["t"])
            var texts = try reader.textsUntilCaughtUp()
            try broker.setDown()
            try until("the reader notices") {
                try reader.take(into: &texts)
                return reader.lastError != nil
            }
            #expect(reader.isCaughtUp, "it has read what was there at the start, and that stays true")
            try broker.setUp()
            try broker.produce(["c"], topic: "t")
            let place = TopicPartition(topic: "t", partition: 0)
            try until("the third record") {
                try reader.take(into: &texts)
                return texts[place, default: []].count >= 3
            }
            #expect(texts == [place: ["a", "b", "c"]])
        }

        @Test func aTopicThatIsMissingIsToldAndReadWhenItAppearsWithoutRepeatingTheOther() throws {
            let broker = try EmbeddedBroker(topics: [("here", 1)])
            try broker.produce(["a", "b"], topic: "here")
            let lines = LogLines()
            let reader = try broker.reader(["here", "later"], logger: lines)
            var texts: [TopicPartition: [String?]] = [:]
            try until("the topic that is there is read") {
                try reader.take(into: &texts)
                return texts.values.reduce(0) { $0 + $1.count } >= 2 && reader.lastError != nil
            }
            #expect(!reader.isCaughtUp)
            #expect(reader.missingTopics == ["later"])
            #expect(lines.count(containing: "The topic \"later\" does not exist") == 1)

            try broker.createTopic("later", partitions: 2)
            try broker.produce(["c"], topic: "later", partition: 1)
            try until("the reader has caught up") {
                try reader.take(into: &texts)
                return reader.isCaughtUp
            }
            try broker.produce(["d"], topic: "here")
            let here = TopicPartition(topic: "here", partition: 0)
            try until("the topic that was there goes on") {
                try reader.take(into: &texts)
                return texts[here, default: []].count >= 3
            }
            #expect(texts == [here: ["a", "b", "d"], TopicPartition(topic: "later", partition: 1): ["c"]])
            #expect(reader.assignment.count == 3)
        }

        @Test func aStartIsKeptUnlessItLiesBeyondTheEnd() throws {
            let broker = try EmbeddedBroker(topics: [("t", 4)])
            let places = (0..<4).map { TopicPartition(topic: "t", partition: Int32($0)) }
            for place in places { try broker.produce(["a", "b", "c"], topic: "t", partition: place.partition) }
            let reader = try broker.reader(["t"], startingAt: [places[0]: 1, places[1]: 3, places[2]: 99])
            #expect(
                try reader.textsUntilCaughtUp() == [
                    places[0]: ["b", "c"], places[2]: ["a", "b", "c"], places[3]: ["a", "b", "c"],
                ])
            try broker.produce(["d"], topic: "t", partition: 1)
            var texts: [TopicPartition: [String?]] = [:]
            try until("a record after the end") {
                try reader.take(into: &texts)
                return !texts.isEmpty
            }
            #expect(texts == [places[1]: ["d"]])
        }

        @Test func whatTheBodyThrowsComesOutAndClosingInsideTakesEffectAfterwards() throws {
            struct Stop: Error {}
            let broker = try EmbeddedBroker(topics: [("t", 1)])
            try broker.produce(["a", "b", "c"], topic: "t")
            let reader = try broker.reader(["t"])
            #expect(throws: Stop.self) {
                try until("a record") { try reader.poll(timeoutMilliseconds: 50) { _ in throw Stop() } > 0 }
            }
            var texts: [String] = []
            try until("the next record") {
                try reader.poll(timeoutMilliseconds: 50) { record in
                    texts.append(record.payload.map { String(decoding: $0, as: UTF8.self) } ?? "")
                    reader.close()
                } > 0
            }
            #expect(texts == ["b"])
            #expect(throws: KafkaError.self) { try reader.poll(timeoutMilliseconds: 0) { _ in } }
            #expect(reader.assignment == [])
            reader.close()
        }

        @Test func aWrongPropertyIsNamed() {
            let error = #expect(throws: KafkaError.self) {
                _ = try KafkaTopicReader(
                    properties: KafkaProperties(["fetch.mni.bytes": "1"]), topics: ["t"], logger: LogLines().logger)
            }
            #expect(error?.sentence.contains("\"fetch.mni.bytes\"") == true)
        }
    }

    @Suite struct Ends {
        @Test func endOffsetsAreTheNextOnesToBeWritten() throws {
            let broker = try EmbeddedBroker(topics: [("t", 2)])
            let places = (0..<2).map { TopicPartition(topic: "t", partition: Int32($0)) }
            let producer = try broker.producer()
            #expect(try producer.endOffsets(of: "t") == [places[0]: 0, places[1]: 0])
            try broker.produce(["a", "b", "c"], topic: "t", partition: 1)
            #expect(try producer.endOffsets(of: "t") == [places[0]: 0, places[1]: 3])
            try broker.setDown()
            let error = #expect(throws: KafkaError.self) {
                try producer.endOffsets(of: "t", timeoutMilliseconds: 300)
            }
            #expect(error?.isRetriable == true)
            producer.close()
        }

        /// The embedded broker knows no sequence numbers of idempotent producers: a confirmation that an outage
        /// swallows would double its records.
        @Test func outagesUnderLoadDoubleNothing() throws {
            let broker = try EmbeddedBroker(topics: [("t", 4)])
            let producer = try broker.producer(["linger.ms": "0", "reconnect.backoff.max.ms": "200"])
            let delivered = Mutex(0)
            let isOver = Mutex(false)
            let writer = Thread {
                var number = 0
                while !isOver.withLock({ $0 }) {
                    while producer.queued > 500 { Thread.sleep(forTimeInterval: 0.001) }
                    try? producer.send(
                        topic: "t", key: Array("\(number % 50)".utf8), payload: Array("\(number)".utf8)
                    ) { _ in delivered.withLock { $0 += 1 } }
                    number += 1
                }
            }
            writer.start()
            for _ in 0..<5 {
                let before = delivered.withLock { $0 }
                try until("a thousand are delivered") { delivered.withLock { $0 } > before + 1000 }
                try broker.setDown()
                try broker.setUp()
            }
            isOver.withLock { $0 = true }
            try until("the writer ends") { writer.isFinished }
            try producer.flush(timeoutMilliseconds: Int32(patience * 1000))
            let ends = try producer.endOffsets(of: "t").values.reduce(0, +)
            #expect(Int(ends) == delivered.withLock { $0 })
            producer.close()
        }
    }
}
