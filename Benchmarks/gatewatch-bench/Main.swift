// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Prints the figures of DESIGN §11, each as a ratio taken in one run: the machine's speed cancels out.
///
///     make bench
///     gatewatch-bench engine      (or: rules, state, kafka, orders, routing, recordings, activity, report, console, loop, gateway) one of them
///     gatewatch-bench outage --minutes 60   a check, not a figure: in real time, so not among the others
@main
struct Bench {
    static func main() async throws {
        if CommandLine.arguments.dropFirst().first == "outage" {
            return try await OutageCheck.run(Array(CommandLine.arguments.dropFirst(2)))
        }
        let workload = try Workload()
        if CommandLine.arguments.dropFirst().first == "feed" {
            return try KafkaBench.feed(workload, Array(CommandLine.arguments.dropFirst(2)))
        }
        say("fixture day: \(workload.events.count) events of \(workload.meanBytes) bytes\n")
        let wanted = CommandLine.arguments.dropFirst()
        func wants(_ part: String) -> Bool { wanted.isEmpty || wanted.contains(part) }
        let engine = wants("engine") || wants("kafka") ? try EngineBench.run(workload) : 0
        if wants("rules") { try RuleBench.run(workload) }
        if wants("state") { try StateBench.run(identities: 1_000_000) { try PartitionStateStore(path: $0) } }
        if wants("orders") { try OrderBench.lookUp() }
        if wants("routing") { try RoutingBench.run() }
        if wants("recordings") { try RecordingBench.run() }
        if wants("activity") { try ActivityBench.run(workload) }
        if wants("report") { try ReportBench.run() }
        if wants("console") { try await ConsoleBench.run() }
        if wants("loop") { try await OrderBench.loop(workload) }
        if wants("gateway") { try await GatewayBench.run() }
        if wants("kafka") { try await KafkaBench.run(workload, engineNanoseconds: engine) }
    }
}

/// CPU time of the process, all threads, in nanoseconds (POSIX `clock`, to the microsecond).
func processNanoseconds() -> UInt64 {
    UInt64(clock()) * 1000
}

/// A line at once: a figure that took minutes should be seen when it is there, also through a pipe.
func say(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}

func row(_ name: String, _ value: String) {
    say(name.padding(toLength: 62, withPad: " ", startingAt: 0) + value)
}

func format(_ value: Double, _ digits: Int = 1) -> String {
    String(format: "%.\(digits)f", value)
}

extension Array where Element == Double {
    var median: Double {
        let sorted = sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }
}
