// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Kafka
import UnixSignals

struct Broker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the embedded Kafka broker alone, for trying and testing.",
        discussion: """
            Prints its bootstrap address and runs until SIGTERM. Memory only, about 5 MB kept per partition.

            gatewatch broker --topic gatewatch.audit:4
            kcat -b 127.0.0.1:PORT -t gatewatch.audit -C
            """)

    @Option(
        help: ArgumentHelp(
            "A topic to make, with its partitions; may be given several times.", valueName: "name[:partitions]"))
    var topic = ["audit", "audit.rejected", "alerts", "orders", "approvals"].map { "gatewatch.\($0):4" }

    @OptionGroup var log: LogOptions

    func run() async throws {
        let topics = try topic.map { text in
            let parts = text.split(separator: ":")
            guard let name = parts.first, parts.count < 3, let partitions = parts.count == 2 ? Int(parts[1]) : 4,
                (1...1000).contains(partitions)
            else { throw ValidationError("--topic \(text): write NAME or NAME:PARTITIONS.") }
            return (name: String(name), partitions: partitions)
        }
        let broker = try EmbeddedBroker(topics: topics, logger: log.logger("gatewatch.broker"))
        Terminal.print(broker.bootstrapServers)
        for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) { break }
        broker.close()
    }
}
