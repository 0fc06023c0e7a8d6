// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kafka
import Testing

extension BrokerTests {
    @Suite struct Configuration {
        @Test func anUnknownPropertyIsNamed() {
            let properties = KafkaProperties(["bootstrap.servers": "127.0.0.1:1", "fetch.mni.bytes": "1"])
            let error = #expect(throws: KafkaError.self) {
                _ = try KafkaConsumer(properties: properties, group: "g", topics: ["t"], logger: LogLines().logger)
            }
            #expect(error?.sentence.contains("\"fetch.mni.bytes\"") == true)
            #expect(error?.isRetriable == false)
            let other = #expect(throws: KafkaError.self) {
                _ = try KafkaProducer(properties: properties, logger: LogLines().logger)
            }
            #expect(other?.sentence.contains("\"fetch.mni.bytes\"") == true)
        }

        @Test func aWrongValueIsToldWithItsProperty() {
            let error = #expect(throws: KafkaError.self) {
                _ = try KafkaProducer(
                    properties: KafkaProperties(["security.protocol": "sslish"]), logger: LogLines().logger)
            }
            #expect(error?.sentence.contains("\"security.protocol\"") == true)
        }

        @Test func propertiesThatDoNotFitTogetherAreToldInLibrdkafkasWords() {
            let error = #expect(throws: KafkaError.self) {
                _ = try KafkaProducer(properties: KafkaProperties(["acks": "1"]), logger: LogLines().logger)
            }
            #expect(error?.sentence.contains("acks") == true)
        }

        @Test func statisticsArriveAtTheInterval() throws {
            let broker = try EmbeddedBroker(topics: [("t", 1)])
            let every = ["statistics.interval.ms": "100"]
            let producer = try broker.producer(every)
            let consumer = try broker.consumer(["t"], every)
            #expect(consumer.statisticsJSON == nil)
            try until("both have statistics") {
                _ = try consumer.poll(timeoutMilliseconds: 50) { _ in }
                return consumer.statisticsJSON != nil && producer.statisticsJSON != nil
            }
            let json = try JSONSerialization.jsonObject(with: Data((consumer.statisticsJSON ?? "").utf8))
            #expect((json as? [String: Any])?["type"] as? String == "consumer")
            consumer.close()
            producer.close()
        }
    }
}
