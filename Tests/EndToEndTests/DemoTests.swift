// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    /// `gatewatch demo`.
    @Suite struct DemoCommand {
        private struct Outcome: Decodable {
            let alerts: Int
            let deliveries: Int
            let orders: Int
            let refusals: Int
            let event_to_order_ms: Double?
        }

        private func outcome(_ output: String) throws -> Outcome {
            let last = try #require(output.split(separator: "\n").last)
            return try JSONDecoder().decode(Outcome.self, from: Data(last.utf8))
        }

        @Test func theDemoShowsEveryInsiderBeingStoppedAndEndsWell() async throws {
            try await Stage.with { stage in
                let result = try await stage.run(["demo", "--once", "--json", "--detectors", Project.detectors])
                #expect(result.status == 0, "\(result.output)\(result.errors)")
                let outcome = try outcome(result.output)
                #expect(outcome.alerts == outcome.deliveries && outcome.alerts > 10, "\(outcome)")
                #expect(outcome.orders >= 7 && outcome.refusals > 10, "\(outcome)")
                #expect(try #require(outcome.event_to_order_ms) >= 0)
                for sentence in [
                    // Detected …
                    "Bulk pull", "Checkpoint downloaded", "Training data", "outside the deployment", "Break-in",
                    "Use after the last day",
                    // … and stopped.
                    "then: 403 approval-required", "the running download was cut after", "the next download: 401",
                    "a token from a new sign-in works: 200", "locked down: 401", "the order in force: median",
                    "nobody else was", "every signature verified",
                ] {
                    #expect(result.output.contains(sentence), "'\(sentence)' is missing in: \(result.output)")
                }
                #expect(!result.output.contains("WRONG"))
            }
        }

        @Test func aDetectorThatMissesAnInsiderEndsTheDemoWithItsName() async throws {
            try await Stage.with { stage in
                let folder = try stage.copyDetectors { _, text in
                    text.replacing("unmapped.items, gte: 20000 ", with: "unmapped.items, gte: 200000000 ")
                }
                let result = try await stage.run(["demo", "--once", "--json", "--detectors", folder])
                #expect(result.status == 1, "\(result.output)\(result.errors)")
                #expect(result.output.contains("WRONG: gw_bulk_vectors_10m did not fire for u-0176"))
                #expect(result.output.contains(/WRONG: u-0176 pulled [0-9]+ vectors and was not stopped/))
                #expect(result.output.ranges(of: "WRONG").count == 2, "\(result.output)")
                #expect(result.output.contains(/the gateway wrote of u-0176: .*[0-9]+ × vectors.query/))
                #expect(!result.output.contains("every signature verified"))
                #expect(try outcome(result.output).alerts > 10)
            }
        }

        @Test func theSpeedOfAReplayIsNoOptionAnyMore() async throws {
            try await Stage.with { stage in
                let result = try await stage.run(["demo", "--once", "--speed", "0"])
                #expect(result.status == 2 && result.errors.contains("--speed"), "\(result.errors)")
            }
        }
    }
}
