// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kafka
import Logging
import Testing

@Suite("Closing while joining", .serialized)
struct CloseTests {
    /// librdkafka before 2.3 ends the process when a cooperative member is destroyed between joining and its first
    /// assignment (confluentinc/librdkafka#4312). The embedded broker's first join takes three seconds; members that close around that
    /// moment meet the gap.
    @Test(
        "does not end the process, whenever in the join it happens",
        arguments: [2900, 2970, 2990, 3000, 3010, 3030, 3060])
    func closesWhileJoining(milliseconds: Int) throws {
        let broker = try EmbeddedBroker(topics: [("t", 2)])
        defer { broker.close() }
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let members = try (0..<3).map { _ in
            try KafkaConsumer(
                properties: KafkaProperties(["bootstrap.servers": broker.bootstrapServers]), group: "g", topics: ["t"],
                logger: quiet)
        }
        let end = ContinuousClock.now.advanced(by: .milliseconds(milliseconds))
        while ContinuousClock.now < end {
            for member in members { _ = try member.poll(timeoutMilliseconds: 1) { _ in } }
        }
        for member in members { member.close() }
        #expect(members.allSatisfy { $0.assignment.isEmpty })
    }
}
