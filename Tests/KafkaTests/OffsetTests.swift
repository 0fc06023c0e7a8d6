// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kafka
import Testing

extension BrokerTests {
    @Suite struct Offsets {
        private let place = TopicPartition(topic: "t", partition: 0)

        private func brokerWithTen() throws -> EmbeddedBroker {
            let broker = try EmbeddedBroker(topics: [("t", 1)])
            try broker.produce((0..<10).map(String.init), topic: "t")
            return broker
        }

        @Test func aReopenedConsumerGoesOnAtTheCommittedOffset() throws {
            let broker = try brokerWithTen()
            let first = try broker.consumer(["t"])
            #expect(try first.texts(6) == ["0", "1", "2", "3", "4", "5"])
            try first.commit([place: 4], wait: true)
            #expect(try first.committed([place]) == [place: 4])
            first.close()

            let second = try broker.consumer(["t"])
            #expect(try second.texts(6) == ["4", "5", "6", "7", "8", "9"])
            second.close()
        }

        @Test func withoutACommitEverythingIsReadAgain() throws {
            let broker = try brokerWithTen()
            for _ in 0..<2 {
                let consumer = try broker.consumer(["t"])
                #expect(try consumer.texts(3) == ["0", "1", "2"])
                consumer.close()
            }
        }

        @Test func theHandlersStartWinsOverTheCommittedOffset() throws {
            let broker = try brokerWithTen()
            let first = try broker.consumer(["t"])
            _ = try first.texts(1)
            try first.commit([place: 2], wait: true)
            first.close()

            let second = try broker.consumer(["t"]) { [place] event in
                if case .assigned = event { [place: 7] } else { [:] }
            }
            #expect(try second.texts(3) == ["7", "8", "9"])
            second.close()
        }

        @Test func aSeekGoesBackAndForth() throws {
            let broker = try brokerWithTen()
            let consumer = try broker.consumer(["t"])
            #expect(try consumer.texts(2) == ["0", "1"])
            try consumer.seek([place: 8])
            #expect(try consumer.texts(2) == ["8", "9"])
            try consumer.seek([place: 0])
            #expect(try consumer.texts(10) == (0..<10).map(String.init))
            consumer.close()
        }

        @Test func aPausedPartitionIsSilentAndResumesWhereItStood() throws {
            let broker = try EmbeddedBroker(topics: [("t", 2)])
            try broker.produce((0..<10).map { "a\($0)" }, topic: "t", partition: 0)
            let consumer = try broker.consumer(["t"])
            #expect(try consumer.texts(2) == ["a0", "a1"])
            try consumer.pause([place])
            try broker.produce((0..<10).map { "b\($0)" }, topic: "t", partition: 1)
            #expect(try consumer.texts(10) == (0..<10).map { "b\($0)" })
            try consumer.resume([place])
            #expect(try consumer.texts(8) == (2..<10).map { "a\($0)" })
            consumer.close()
        }

        @Test func lagCountsWhatIsStillToCome() throws {
            let broker = try brokerWithTen()
            let first = try broker.consumer(["t"])
            _ = try first.texts(3)
            try until("lag of 7") {
                _ = first.lag()
                return first.lag() == [place: 7]
            }
            #expect(first.watermarks(of: place)?.low == 0)
            #expect(first.watermarks(of: place)?.high == 10)
            try first.commit([place: 10], wait: true)
            first.close()

            // Caught up: no record comes, and the group's offset tells that the lag is 0.
            let second = try broker.consumer(["t"])
            try until("lag of 0") {
                _ = try second.poll(timeoutMilliseconds: 50) { _ in }
                return second.lag() == [place: 0]
            }
            second.close()
        }
    }
}
