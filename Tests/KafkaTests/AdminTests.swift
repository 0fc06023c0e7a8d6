// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kafka
import Testing

extension BrokerTests {
    @Suite struct Admin {
        private let wanted = [
            TopicSpecification(name: "audit", partitions: 3),
            TopicSpecification(name: "orders", partitions: 1, configuration: ["cleanup.policy": "compact"]),
        ]

        @Test func missingTopicsAreMadeAndExistingOnesLeft() throws {
            let broker = try EmbeddedBroker(topics: [("audit", 2)])
            let lines = LogLines()
            let admin = try KafkaAdmin(properties: broker.properties(), logger: lines.logger, embedded: broker)
            #expect(try admin.createTopics(wanted) == ["orders"])
            #expect(try admin.createTopics(wanted) == [])
            #expect(try admin.topics() == ["audit": 2, "orders": 1])
            #expect(lines.count(containing: "fewer partitions than configured") == 2)
        }

        @Test func askingForCountsMakesNoTopic() throws {
            let broker = try EmbeddedBroker(topics: [("audit", 2)])
            let admin = try KafkaAdmin(properties: broker.properties(), logger: LogLines().logger)
            #expect(try admin.partitionCounts(of: ["audit", "nowhere"]) == ["audit": 2])
            #expect(try admin.topics().keys.sorted() == ["audit"])
        }

        @Test func fromAnotherProcessAnEmbeddedBrokerMakesTopicsInItsOwnSize() throws {
            let broker = try EmbeddedBroker()
            let lines = LogLines()
            let admin = try KafkaAdmin(properties: broker.properties(), logger: lines.logger)
            #expect(try admin.createTopics(wanted) == ["audit", "orders"])
            #expect(try admin.topics() == ["audit": 4, "orders": 4])
            #expect(lines.count(containing: "with its own partition count") == 2)
        }

        @Test func aBrokerThatIsAwayIsARetriableError() throws {
            let broker = try EmbeddedBroker()
            try broker.setDown()
            let admin = try KafkaAdmin(properties: broker.properties(), logger: LogLines().logger)
            let error = #expect(throws: KafkaError.self) { try admin.topics(timeoutMilliseconds: 500) }
            #expect(error?.isRetriable == true)
        }

        @Test func aClosedEmbeddedBrokerSaysSo() throws {
            let broker = try EmbeddedBroker(brokers: 3)
            #expect(broker.bootstrapServers.split(separator: ",").count == 3)
            broker.close()
            broker.close()
            let error = #expect(throws: KafkaError.self) { try broker.createTopic("t", partitions: 1) }
            #expect(error?.sentence.contains("closed") == true)
        }
    }
}
