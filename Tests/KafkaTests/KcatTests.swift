// SPDX-License-Identifier: Apache-2.0

import Children
import Foundation
import Kafka
import Testing

/// kcat's path, when it is installed.
private let kcat: String? = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    .map { "\($0)/kcat" }.first { FileManager.default.isExecutableFile(atPath: $0) }

extension BrokerTests {
    /// Another client than ours, to see that the embedded broker speaks Kafka.
    @Suite(.enabled(if: kcat != nil, "kcat is not on PATH")) struct Kcat {
        private func run(_ arguments: [String], input: String = "") throws -> (status: Int32, output: String) {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: try #require(kcat))
            process.arguments = arguments
            let (stdin, stdout) = (Pipe(), Pipe())
            process.standardInput = stdin
            process.standardOutput = stdout
            process.standardError = FileHandle.nullDevice
            try process.start()
            try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
            try stdin.fileHandleForWriting.close()
            let output = try stdout.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            return (process.terminationStatus, String(decoding: output, as: UTF8.self))
        }

        @Test func kcatProducesAndWeConsume() throws {
            let broker = try EmbeddedBroker(topics: [("t", 1)])
            let result = try run(["-b", broker.bootstrapServers, "-P", "-t", "t", "-p", "0"], input: "one\ntwo\n")
            #expect(result.status == 0)
            let consumer = try broker.consumer(["t"])
            #expect(try consumer.texts(2) == ["one", "two"])
            consumer.close()
        }

        @Test func weProduceAndKcatConsumes() throws {
            let broker = try EmbeddedBroker(topics: [("t", 1)])
            try broker.produce(["one", "two"], topic: "t")
            let result = try run(["-b", broker.bootstrapServers, "-C", "-t", "t", "-p", "0", "-o", "beginning", "-e"])
            #expect(result.status == 0)
            #expect(result.output == "one\ntwo\n")
        }
    }
}
