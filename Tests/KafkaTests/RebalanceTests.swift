// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kafka
import Testing

/// What one member of the group saw, in order.
private final class Member {
    private(set) var owned = Set<TopicPartition>()
    private(set) var events: [RebalanceEvent] = []
    private(set) var next: [TopicPartition: Int64] = [:]
    private(set) var texts: [String] = []
    private(set) var strays = 0
    private(set) var commitErrors: [any Error] = []
    private(set) weak var consumer: KafkaConsumer?

    func open(_ broker: EmbeddedBroker, _ properties: [String: String] = [:]) throws -> KafkaConsumer {
        let consumer = try broker.consumer(["t"], properties) { [unowned self] in handle($0) }
        self.consumer = consumer
        return consumer
    }

    func poll(maxRecords: Int, timeoutMilliseconds: Int32 = 5) throws {
        _ = try consumer?.poll(maxRecords: maxRecords, timeoutMilliseconds: timeoutMilliseconds) { record in
            if !owned.contains(record.topicPartition) { strays += 1 }
            next[record.topicPartition] = record.offset + 1
            texts.append(String(decoding: record.payload ?? .init(start: nil, count: 0), as: UTF8.self))
        }
    }

    private func handle(_ event: RebalanceEvent) -> [TopicPartition: Int64] {
        events.append(event)
        switch event {
        case .assigned(let partitions):
            owned.formUnion(partitions)
        case .revoked(let partitions):
            do {
                try consumer?.commit(next.filter { partitions.contains($0.key) }, wait: true)
            } catch {
                commitErrors.append(error)
            }
            owned.subtract(partitions)
            for partition in partitions { next[partition] = nil }
        case .lost(let partitions):
            owned.subtract(partitions)
        }
        return [:]
    }
}

extension BrokerTests {
    @Suite struct Rebalances {
        // With an eager strategy the embedded broker takes no commit during a rebalance (a real one does), so there records
        // may come twice.
        @Test(arguments: ["cooperative-sticky", "range"])
        func aSecondMemberTakesOverExactlyWhereTheFirstStopped(strategy: String) throws {
            let perPartition = 2000
            let broker = try EmbeddedBroker(topics: [("t", 4)])
            for partition in 0..<4 {
                try broker.produce(
                    (0..<perPartition).map { "\(partition)-\($0)" }, topic: "t", partition: Int32(partition))
            }
            let properties = ["partition.assignment.strategy": strategy]
            let first = Member()
            let firstConsumer = try first.open(broker, properties)
            try until("the first member reads") {
                try first.poll(maxRecords: 10, timeoutMilliseconds: 50)
                return first.texts.count >= 10
            }
            #expect(first.owned.count == 4)

            let second = Member()
            let secondConsumer = try second.open(broker, properties)
            // One record a time, so that plenty of fetched ones are at hand when the partitions move.
            try until("both own two") {
                try first.poll(maxRecords: 1)
                try second.poll(maxRecords: 1)
                return first.owned.count == 2 && second.owned.count == 2
            }
            #expect(first.texts.count < 4 * perPartition)
            try until("everything is read") {
                try first.poll(maxRecords: 1000)
                try second.poll(maxRecords: 1000)
                return Set(first.texts).union(second.texts).count >= 4 * perPartition
            }
            let all = first.texts + second.texts
            #expect(Set(all).count == 4 * perPartition)
            if strategy == "cooperative-sticky" {
                #expect(all.count == 4 * perPartition, "committed at revocation, so nothing is read twice")
                #expect(first.commitErrors.isEmpty)
            }
            #expect(first.strays == 0)
            #expect(second.strays == 0)
            #expect(first.owned == Set(firstConsumer.assignment))
            #expect(second.owned == Set(secondConsumer.assignment))
            #expect(first.owned.isDisjoint(with: second.owned))
            let revoked = first.events.compactMap { if case .revoked(let partitions) = $0 { partitions } else { nil } }
            if strategy == "cooperative-sticky" {
                #expect(revoked.flatMap { $0 }.count == 2, "only what moves is taken away")
            } else {
                #expect(revoked.first?.count == 4, "an eager strategy takes everything away first")
            }
            secondConsumer.close()
            firstConsumer.close()
        }

        @Test func closingFromInsidePollEndsAfterTheRecordInHand() throws {
            let broker = try EmbeddedBroker(topics: [("t", 1)])
            try broker.produce(["a", "b", "c"], topic: "t")
            let consumer = try broker.consumer(["t"])
            var bytes: [UInt8] = []
            try until("a record") {
                try consumer.poll(timeoutMilliseconds: 50) { record in
                    consumer.close()
                    bytes += record.payload.map { Array($0) } ?? []
                } > 0
            }
            #expect(bytes == Array("a".utf8))
            #expect(consumer.assignment.isEmpty)
            #expect(throws: KafkaError.self) { try consumer.poll(timeoutMilliseconds: 0) { _ in } }
        }

        @Test func closingTellsOfTheRevocationWhileACommitStillWorks() throws {
            let broker = try EmbeddedBroker(topics: [("t", 1)])
            try broker.produce(["a", "b", "c"], topic: "t")
            let member = Member()
            let consumer = try member.open(broker)
            try until("two records") {
                try member.poll(maxRecords: 2 - member.texts.count, timeoutMilliseconds: 50)
                return member.texts.count >= 2
            }
            consumer.close()
            consumer.close()
            let place = TopicPartition(topic: "t", partition: 0)
            #expect(member.events == [.assigned([place]), .revoked([place])])
            #expect(member.commitErrors.isEmpty)
            #expect(throws: KafkaError.self) { try consumer.poll(timeoutMilliseconds: 0) { _ in } }

            let next = try broker.consumer(["t"])
            #expect(try next.texts(1) == ["c"])
            next.close()
        }
    }
}
