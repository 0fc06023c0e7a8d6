// SPDX-License-Identifier: Apache-2.0

import Children
import Foundation
import Kafka
import Synchronization
import Testing

extension BrokerTests {
    @Suite struct Outages {
        @Test func producerAndConsumerGoOnWhenTheBrokerReturns() throws {
            let broker = try EmbeddedBroker(topics: [("t", 1)])
            let lines = LogLines()
            let fast = ["reconnect.backoff.max.ms": "500"]
            let producer = try broker.producer(fast)
            let consumer = try broker.consumer(["t"], fast, logger: lines.logger)
            let delivered = Mutex<[Int64]>([])
            let failed = Mutex(0)
            func send(_ range: Range<Int>) throws {
                for number in range {
                    try producer.send(topic: "t", key: nil, payload: Array("\(number)".utf8)) { result in
                        switch result {
                        case .success(let place): delivered.withLock { $0.append(place.offset) }
                        case .failure: failed.withLock { $0 += 1 }
                        }
                    }
                }
            }
            try send(0..<100)
            #expect(try consumer.texts(100) == (0..<100).map(String.init))

            try broker.setDown()
            try send(100..<200)
            try until("the consumer notices") {
                _ = try consumer.poll(timeoutMilliseconds: 50) { _ in }
                return consumer.lastError != nil
            }
            #expect(lines.count(containing: "No Kafka broker answers at \(broker.bootstrapServers)") == 1)
            #expect(throws: KafkaError.self) { try producer.flush(timeoutMilliseconds: 200) }
            #expect(producer.queued == 100)

            try broker.setUp()
            #expect(try consumer.texts(100) == (100..<200).map(String.init))
            try producer.flush(timeoutMilliseconds: Int32(patience * 1000))
            #expect(delivered.withLock { $0.count } == 200)
            #expect(failed.withLock { $0 } == 0)
            consumer.close()
            producer.close()
        }

        @Test func closingWhileTheBrokerIsAwayEndsAndReportsWhatWasNotSent() throws {
            let broker = try EmbeddedBroker(topics: [("t", 1)])
            try broker.produce(["a"], topic: "t")
            let consumer = try broker.consumer(["t"])
            _ = try consumer.texts(1)
            let producer = try broker.producer()
            try broker.setDown()
            let codes = Mutex<[String]>([])
            try producer.send(topic: "t", key: nil, payload: [1]) { result in
                if case .failure(let error) = result { codes.withLock { $0.append(error.code) } }
            }
            producer.close(flushMilliseconds: 100)
            #expect(codes.withLock { $0 }.count == 1)
            #expect(codes.withLock { $0 }.first?.hasPrefix("_PURGE") == true)
            producer.close()
            #expect(throws: KafkaError.self) { try producer.send(topic: "t", key: nil, payload: [1]) { _ in } }
            consumer.close()
        }

        @Test func aCommitWhileTheBrokerIsAwayIsARetriableErrorAndClosingStillEnds() throws {
            let broker = try EmbeddedBroker(topics: [("t", 1)])
            try broker.produce(["a"], topic: "t")
            let place = TopicPartition(topic: "t", partition: 0)
            let errors = Mutex<[KafkaError]>([])
            var consumer: KafkaConsumer?
            weak var weakly: KafkaConsumer?
            func commit() {
                do {
                    try weakly?.commit([place: 1], wait: true, timeoutMilliseconds: 500)
                } catch let error as KafkaError {
                    errors.withLock { $0.append(error) }
                } catch {}
            }
            consumer = try broker.consumer(["t"]) { event in
                if case .revoked = event { commit() }
                return [:]
            }
            weakly = consumer
            _ = try consumer?.texts(1)
            try broker.setDown()
            try until("the consumer notices") {
                _ = try consumer?.poll(timeoutMilliseconds: 50) { _ in }
                return consumer?.lastError != nil
            }
            commit()
            #expect(errors.withLock { $0.map(\.isRetriable) } == [true])
            consumer?.close()
            #expect(errors.withLock { $0.map(\.isRetriable) } == [true, true])
        }

        @Test func aTopicThatDoesNotExistIsToldOnceAndReadWhenItAppears() throws {
            let broker = try EmbeddedBroker(topics: [("here", 1)])
            try broker.setTopic("later", missing: true)
            let lines = LogLines()
            let consumer = try broker.consumer(
                ["here", "later"], ["topic.metadata.refresh.interval.ms": "500"], logger: lines.logger)
            try broker.produce(["a"], topic: "here")
            #expect(try consumer.texts(1) == ["a"])
            try until("the missing topic is told") {
                _ = try consumer.poll(timeoutMilliseconds: 50) { _ in }
                return lines.count(containing: "The topic \"later\" does not exist") > 0
            }
            try broker.setTopic("later", missing: false)
            try broker.produce(["b"], topic: "later")
            #expect(try consumer.texts(1) == ["b"])
            #expect(lines.count(containing: "The topic \"later\" does not exist") == 1)
            consumer.close()
        }

        @Test func aFullQueueIsARetriableError() throws {
            let broker = try EmbeddedBroker(topics: [("t", 1)])
            try broker.setDown()
            let producer = try broker.producer(["queue.buffering.max.messages": "3"])
            let reports = Mutex(0)
            var refused: KafkaError?
            for _ in 0..<4 {
                do {
                    try producer.send(topic: "t", key: nil, payload: [1]) { _ in reports.withLock { $0 += 1 } }
                } catch {
                    refused = error as? KafkaError
                }
            }
            #expect(refused?.code == "_QUEUE_FULL")
            #expect(refused?.isRetriable == true)
            producer.close(flushMilliseconds: 0)
            #expect(reports.withLock { $0 } == 3)
        }

        /// Without the lock librdkafka ends the process here within a few rounds.
        @Test func aBrokerGoesDownWhileProgramsStart() async throws {
            let broker = try EmbeddedBroker()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while !Task.isCancelled {
                        let child = Process()
                        child.executableURL = URL(fileURLWithPath: "/bin/true")
                        try child.start()
                        child.waitUntilExit()
                    }
                }
                for _ in 0..<5 {
                    try broker.setDown()
                    try broker.setUp()
                }
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }
}
