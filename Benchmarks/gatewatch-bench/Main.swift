// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Prints the figures of DESIGN §11, each as a ratio taken in one run: the machine's speed cancels out.
///
///     make bench
@main
struct Bench {
    static func main() async throws {
        // A figure that took minutes should be seen when it is there, also through a pipe.
        setlinebuf(stdout)
        let workload = try Workload()
        print("fixture day: \(workload.events.count) events of \(workload.meanBytes) bytes\n")
        let engine = try EngineBench.run(workload)
        try StateBench.run(identities: 100_000)
        try await KafkaBench.run(workload, engineNanoseconds: engine)
    }
}

/// CPU time of this thread, in nanoseconds.
func threadNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// CPU time of the whole process, in nanoseconds.
func processNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

func row(_ name: String, _ value: String) {
    print(name.padding(toLength: 62, withPad: " ", startingAt: 0) + value)
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
