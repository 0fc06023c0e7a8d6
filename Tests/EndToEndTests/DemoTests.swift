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

        @Test func theDemoShowsEveryInsiderAndEndsWell() async throws {
            try await Stage.with { stage in
                let result = try await stage.run(
                    ["demo", "--once", "--json", "--speed", "20000", "--detectors", Project.detectors])
                #expect(result.status == 0, "\(result.output)\(result.errors)")
                let outcome = try outcome(result.output)
                #expect(outcome.alerts == outcome.deliveries && outcome.alerts > 10)
                for rule in [
                    "Bulk pull", "Checkpoint downloaded", "Training data", "outside the deployment", "Break-in",
                ] {
                    #expect(result.output.contains(rule))
                }
                #expect(result.output.contains("every signature verified"))
            }
        }

        @Test func aDetectorThatMissesAnInsiderEndsTheDemoWithItsName() async throws {
            try await Stage.with { stage in
                let folder = try stage.copyDetectors { _, text in
                    text.replacing("unmapped.items, gte: 20000 ", with: "unmapped.items, gte: 200000 ")
                }
                let result = try await stage.run(["demo", "--once", "--json", "--speed", "0", "--detectors", folder])
                #expect(result.status == 1, "\(result.output)\(result.errors)")
                #expect(result.output.contains("WRONG: gw_bulk_vectors_10m did not fire for u-0176"))
                #expect(result.output.ranges(of: "WRONG").count == 1)
                #expect(try outcome(result.output).alerts > 10)
            }
        }
    }
}
