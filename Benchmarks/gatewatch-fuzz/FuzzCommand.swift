// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Fuzzing

@main
struct FuzzCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gatewatch-fuzz",
        abstract: "Feeds the readers with damaged input and watches time and memory.",
        discussion: """
            gatewatch-fuzz --target events --target rules --seconds 600
            gatewatch-fuzz --target rules --input fuzz-findings/current-rules

            What ends the process has left its input in the folder of findings, as current-<target>: its length in eight bytes, then
            itself. An input that takes too long or too much memory is written beside it as it is, and its name is told.
            """)

    @Option(help: "What is fed: \(FuzzTargets.names.joined(separator: ", ")). All of them without.")
    var target: [String] = []
    @Option(help: "Seconds for each target.")
    var seconds = 60
    @Option(help: "Stop each target after so many inputs, for runs that can be repeated.")
    var executions: Int?
    @Option(help: "The same seed gives the same inputs.")
    var seed: UInt64 = 1
    @Option(help: "Folder of findings.")
    var findings = "fuzz-findings"
    @Option(help: "Run these files, each as one input, and nothing else.")
    var input: [String] = []
    @Option(help: "Folder of the checkout, for inputs to begin with.")
    var root = "."

    mutating func validate() throws {
        for name in target where !FuzzTargets.names.contains(name) {
            throw ValidationError("--target \(name): write one of \(FuzzTargets.names.joined(separator: ", ")).")
        }
        if !input.isEmpty, target.count != 1 { throw ValidationError("--input needs one --target.") }
    }

    func run() throws {
        for name in target.isEmpty ? FuzzTargets.names : target {
            guard let target = try FuzzTargets.make(name, FuzzFiles(root: root)) else { continue }
            let run = try FuzzRun(target, seed: seed, folder: input.isEmpty ? findings : nil)
            if input.isEmpty {
                let end = Date().addingTimeInterval(Double(seconds))
                run.run { executed in
                    if let executions { return executed >= executions }
                    return Date() >= end
                }
            } else {
                for path in input { run.execute(try Self.read(path)) }
            }
            let report = run.report
            say(
                "\(name): \(report.executions) inputs, \(report.outcomes) different outcomes, the slowest took "
                    + "\(String(format: "%.3f", report.slowestSeconds)) s (\(report.slowest.count) bytes), \(report.residentBytes >> 20) MiB"
            )
            if report.slowestSeconds > 0.5 {
                let path = "\(findings)/slowest-\(name)"
                try? FileManager.default.createDirectory(atPath: findings, withIntermediateDirectories: true)
                try Data(report.slowest).write(to: URL(fileURLWithPath: path))
                say("  the slowest is in \(path)")
            }
        }
    }

    /// A file as it is; of `current-…` what its length says.
    private static func read(_ path: String) throws -> [UInt8] {
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        let name = (path as NSString).lastPathComponent
        guard FuzzTargets.names.contains(where: { name == "current-\($0)" }), bytes.count >= 8 else { return bytes }
        let count = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        return Array(bytes.dropFirst(8).prefix(count))
    }

    private func say(_ text: String) {
        try? FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
    }
}
