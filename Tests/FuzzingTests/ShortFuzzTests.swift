// SPDX-License-Identifier: Apache-2.0

import Foundation
import Fuzzing
import Testing

/// Some seconds of what `make fuzz` does for longer: always the same inputs.
@Suite struct ShortFuzzTests {
    private static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    @Test(arguments: FuzzTargets.names)
    func noInputEndsTheProcess(target name: String) throws {
        let target = try #require(try FuzzTargets.make(name, FuzzFiles(root: Self.root)))
        let run = try FuzzRun(target, seed: 7)
        let executions = target.seeds.count + 150
        run.run { $0 >= executions }
        #expect(run.report.executions == executions)
        #expect(run.report.outcomes >= 2, "the inputs come to something")
    }

    @Test func theSameSeedGivesTheSameInputs() throws {
        func slice(_ seed: UInt64) throws -> [[UInt8]] {
            let target = Noting(seeds: [Array("{\"a\":1}".utf8), Array("title: x\n".utf8)])
            try FuzzRun(target, seed: seed).run { $0 >= 200 }
            return target.inputs
        }
        #expect(try slice(1) == slice(1))
        #expect(try slice(1) != slice(2))
        #expect(try Set(slice(1)).count > 150)
    }

    private final class Noting: FuzzTarget {
        static let name = "noting"
        let seeds: [[UInt8]]
        private(set) var inputs: [[UInt8]] = []

        init(seeds: [[UInt8]]) {
            self.seeds = seeds
        }

        func run(_ input: [UInt8]) -> UInt64 {
            inputs.append(input)
            return UInt64(input.count)
        }
    }
}
