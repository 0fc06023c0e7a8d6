// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import Kafka
import NIOHTTP1
import Synchronization
import Testing

extension GatewayEndToEnd {
    /// Kafka goes away and comes back while people work.
    @Suite struct GatewayOutages {
        /// How long the broker is away.
        static let outage = Duration.seconds(60)
        /// The same, in the test that also kills the gateway.
        static let outageWithKill = Duration.seconds(20)

        @Test func aBrokerThatIsAwayForAMinuteLosesAndDoublesNoEvent() async throws {
            try await GatewayStage.with { stage in
                let events = stage.readEvents()
                let gateway = try await stage.startGateway()
                let load = try GatewayLoad(stage, gateway, people: 24, workers: 24)
                try await load.run { load in
                    try await load.waitForAnswers(300)
                    try stage.broker.setDown()
                    let before = load.answers.count
                    // The time is the test's matter here, not a wait for something.
                    try await Task.sleep(for: Self.outage)
                    let during = load.answers.count - before
                    #expect(during > 1000, "\(during) answers while the broker was away")
                    #expect(try await gateway.child.get("healthz").status == 200)
                    try stage.broker.setUp()
                    try await load.waitForAnswers(300)
                }
                let all = try await events.settled(gateway)
                #expect(load.failures == 0)
                #expect(load.answers.allSatisfy { $0.status != 503 })
                try load.expectEach(in: all, unanswered: 0)
                try await gateway.child.terminate()
                // Nothing was sent again at the end.
                let end = try await events.caughtUp()
                #expect(end.count == all.count)
                await events.stop()
            }
        }

        @Test func aKillInTheMiddleOfAnOutageLosesAndDoublesNoEvent() async throws {
            try await GatewayStage.with { stage in
                let events = stage.readEvents()
                var gateway = try await stage.startGateway()
                let load = try GatewayLoad(stage, gateway, people: 24, workers: 24)
                try await load.run { load in
                    try await load.waitForAnswers(300)
                    try stage.broker.setDown()
                    try await Task.sleep(for: Self.outageWithKill / 2)
                    try await gateway.kill()
                    gateway = try await stage.startGateway()
                    load.turn(to: gateway)
                    try await load.waitForAnswers(300)
                    try await Task.sleep(for: Self.outageWithKill / 2)
                    try stage.broker.setUp()
                    try await load.waitForAnswers(300)
                }
                let all = try await events.settled(gateway)
                // What was on its way when the gateway died was recorded first, and then not answered.
                try load.expectEach(in: all, unanswered: load.failures)
                try await gateway.child.terminate()
                await events.stop()
            }
        }

        @Test func aFullSpoolRefusesRequestsAndNothingIsAnsweredUnrecorded() async throws {
            try await GatewayStage.with(partitions: 24) { stage in
                // The smallest that there may be: two segments.
                try stage.stage.write(
                    "gateway.yml", stage.configuration("  spool: { total_bytes: \(32 << 20) }\n"))
                let gateway = try await stage.startGateway()
                let events = stage.readEvents()
                try stage.broker.setDown()
                // Long names make large events.
                let name = String(repeating: "n", count: 4000)
                let load = try GatewayLoad(
                    stage, gateway, people: 96, workers: 8, path: "/bulk/note/\(name)", pause: .zero)
                try await load.run { load in
                    try await eventually("the spool is full: \(load.answers.count) answers", seconds: 240) {
                        load.answers.count { $0.status == 503 } > 200
                    }
                }
                // Each request at work had room set aside for it: one after the other takes that too.
                let last = try GatewayLoad(
                    stage, gateway, people: 96, workers: 1, path: "/bulk/note/\(name)", pause: .zero)
                try await last.run { load in
                    try await eventually("not one more fits: \(load.answers.count) answers", seconds: 120) {
                        load.answers.suffix(20).count { $0.status == 503 } == 20
                    }
                }
                let answers = load.answers + last.answers
                let refused = answers.filter { $0.status == 503 }
                let served = answers.filter { $0.status == 200 }
                #expect(refused.count + served.count == answers.count)
                #expect(refused.allSatisfy { $0.problem == "not-recordable" })
                // A request that cannot be told of is not passed on either.
                #expect(stage.bulk.notes == served.count)
                let health = try await gateway.child.get("healthz")
                #expect(
                    health.status == 503 && health.body.contains("spool") && health.body.contains("is full"),
                    "\(health)")

                // A restart has as little room.
                try await gateway.kill()
                let second = try await stage.startGateway()
                let answer = try await second.send(.GET, "/bulk/note/x", token: try stage.token("ana"))
                #expect(answer.status == 503 && answer.problem == "not-recordable", "\(answer)")

                try stage.broker.setUp()
                try await eventually("there is room again", seconds: 120) {
                    let answer = try await second.send(.GET, "/bulk/note/x", token: try stage.token("ana"))
                    return answer.status == 200
                }
                let all = try await events.settled(second)
                try await eventually("it is well again") { try await second.child.get("healthz").status == 200 }
                let uids = all.map(\.uid)
                #expect(Set(uids).count == uids.count)
                #expect(Set(uids).isSuperset(of: served.map(\.id)))
                #expect(Set(uids).isDisjoint(with: refused.map(\.id)))
                #expect(all.count { $0.isRequest } == served.count + 1)
                try await second.child.terminate()
                await events.stop()
            }
        }
    }
}
