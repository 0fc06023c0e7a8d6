// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import Kafka
import NIOCore
import NIOHTTP1
import Orders
import TestSupport
import Testing

extension GatewayEndToEnd {
    /// The gateway as a process: killed, ended, asked to read its files anew.
    @Suite struct GatewayProcesses {
        @Test func aRevokedTokenStaysRefusedAfterAKillAndARestartWithoutKafka() async throws {
            try await GatewayStage.with { stage in
                let events = stage.readEvents()
                let old = try stage.token("ana", secondsAgo: 5)
                var gateway = try await stage.startGateway()
                var answered: [GatewayProcess.Answer] = []
                answered.append(try await gateway.embed(old))
                answered.append(try await gateway.embed(try stage.token("bob")))
                #expect(answered.map(\.status) == [200, 200])

                try await stage.issue([.revokeTokens], on: "ana")
                // Said when it is in force and on disk.
                try await gateway.child.waitForLog("an order is in force")
                try await expectRevoked(gateway, old, &answered)

                try await gateway.kill()
                try stage.broker.setDown()
                let begin = ContinuousClock.now
                gateway = try await stage.startGateway()
                // The start does not wait for Kafka's time-outs, of 30 s and more.
                #expect(ContinuousClock.now - begin < .seconds(20))
                // The first request of all: nothing has been read from Kafka.
                try await expectRevoked(gateway, old, &answered)
                for _ in 0..<20 { answered.append(try await gateway.embed(try stage.token("carol"))) }
                answered.append(try await gateway.embed(try stage.token("bob", session: "bob-2")))
                // Tokens were revoked, not the person.
                answered.append(try await gateway.embed(try stage.token("ana", session: "ana-2")))
                #expect(answered.suffix(22).allSatisfy { $0.status == 200 })
                try await expectRevoked(gateway, old, &answered)
                let health = try await gateway.child.get("healthz")
                #expect(health.status == 200)
                let waiting = try #require(health.body.firstMatch(of: /([0-9]+) events wait for Kafka/)).output.1
                #expect((Int(waiting) ?? 0) >= 24, "\(health.body)")
                #expect(health.body.contains("1 in force"), "\(health.body)")

                // Once more, with what the first run left in the spool.
                try await gateway.kill()
                gateway = try await stage.startGateway()
                try await expectRevoked(gateway, old, &answered)

                try stage.broker.setUp()
                let all = try await events.settled(gateway)
                expectOnce(all, answered)
                let known = Set(answered.map(\.id))
                #expect(
                    all.count { $0.isRequest } == answered.count { $0.status == 200 },
                    "\(all.filter { $0.isRequest && !known.contains($0.uid) })")
                let revoked = all.filter { $0.status_code == "revoked" }
                #expect(
                    revoked.count == 4 && revoked.allSatisfy { $0.class_uid == 3002 && $0.unmapped.order_id != nil })
                try await expectRecorded(answered, gateway, stage)
                try await gateway.child.terminate()
                await events.stop()
            }
        }

        private func expectRevoked(
            _ gateway: GatewayProcess, _ token: String, _ answered: inout [GatewayProcess.Answer]
        ) async throws {
            let answer = try await gateway.embed(token)
            answered.append(answer)
            #expect(answer.status == 401 && answer.problem == "unauthorized")
            let challenge = answer.headers.first(name: "www-authenticate") ?? ""
            #expect(challenge.contains(#"error="invalid_token""#), "\(challenge)")
        }

        /// No event came twice, and each answer has its own.
        private func expectOnce(_ events: [GatewayEvents.Event], _ answers: [GatewayProcess.Answer]) {
            let uids = events.map(\.uid)
            #expect(Set(uids).count == uids.count)
            #expect(Set(uids).isSuperset(of: answers.map(\.id)))
            #expect(Set(answers.map(\.id)).count == answers.count)
        }

        /// Every answer that a client got was recorded, once, also before a kill and while Kafka was away.
        private func expectRecorded(
            _ answers: [GatewayProcess.Answer], _ gateway: GatewayProcess, _ stage: GatewayStage
        ) async throws {
            struct Recorded: Decodable { let uid: String }
            try await eventually("the spool of recordings is empty: \(gateway.child.tail)") {
                try await gateway.child.get("healthz").body.contains("\"0 wait for Kafka")
            }
            let reader = try KafkaTopicReader(
                properties: stage.broker.clientProperties, topics: ["gatewatch.recordings"], logger: quiet)
            defer { reader.close() }
            var uids: [String] = []
            while !reader.isCaughtUp {
                _ = try reader.poll(timeoutMilliseconds: 100) { record in
                    guard let payload = record.payload else { return }
                    uids.append(try JSONDecoder().decode(Recorded.self, from: Data(payload)).uid)
                }
            }
            #expect(Set(uids).count == uids.count && Set(uids) == Set(answers.map(\.id)))
        }

        @Test func sigtermLetsARunningDownloadEndAndTakesNoNewConnections() async throws {
            try await GatewayStage.with { stage in
                let events = stage.readEvents()
                let gateway = try await stage.startGateway()
                let token = try stage.token("ana")
                let size = 256 << 20
                let response = try await stage.client.execute(
                    gateway.request(.GET, "/bulk/zeros/\(size)", token: token), timeout: .seconds(120))
                #expect(response.status == .ok)
                var bytes = response.body.makeAsyncIterator()
                // The rest waits at the upstream: nothing on the way holds 256 MiB.
                var taken = try await bytes.next()?.readableBytes ?? 0
                gateway.child.signal(SIGTERM)
                try await gateway.child.waitForLog("takes no new connections")
                await #expect(throws: (any Error).self) { try await gateway.embed(token) }
                #expect(gateway.child.exit == nil)
                while let part = try await bytes.next() { taken += part.readableBytes }
                #expect(taken == size)
                #expect(try await gateway.child.waitForExit(seconds: 60) == .status(0), "\(gateway.child.tail)")
                // What was in the spool has gone out before the end.
                let all = try await events.caughtUp()
                let id = response.headers.first(name: "gatewatch-request-id")
                let download = try #require(all.first { $0.uid == id })
                #expect(
                    download.http_response.length == Int64(size) && download.api?.operation == "checkpoint.download")
                #expect(!all.contains { $0.metadata.correlation_uid == id && $0.isRequest }, "it ended as announced")
                await events.stop()
            }
        }

        @Test func sighupAppliesGoodConnectionsAndKeepsTheOldOnesForBrokenOnes() async throws {
            try await GatewayStage.with { stage in
                let gateway = try await stage.startGateway()
                let token = try stage.token("ana")
                #expect(try await gateway.query(token, limit: 50).status == 200)

                try stage.stage.write(
                    "connections.yml",
                    stage.localConnections(policies: ["vectors": "{ limits: { items: 5, itmes: 6 } }"]))
                gateway.child.signal(SIGHUP)
                try await gateway.child.waitForLog("the old set stays")
                #expect(gateway.child.errors.contains(/connections\.yml:[0-9]+/), "\(gateway.child.tail)")
                #expect(try await gateway.query(token, limit: 50).status == 200)

                try stage.stage.write(
                    "connections.yml", stage.localConnections(policies: ["vectors": "{ limits: { items: 5 } }"]))
                gateway.child.signal(SIGHUP)
                try await gateway.child.waitForLog("the configuration was read anew")
                let refused = try await gateway.query(token, limit: 50)
                #expect((400..<500).contains(refused.status) && refused.problem == "policy", "\(refused)")
                #expect(try await gateway.query(token, limit: 5).status == 200)

                // No file at all is no reason to let everybody through, nor to end.
                try FileManager.default.removeItem(atPath: stage.stage.path("connections.yml"))
                gateway.child.signal(SIGHUP)
                try await gateway.child.waitForLog("the old set stays", times: 2)
                #expect(try await gateway.query(token, limit: 50).status == refused.status)
                #expect(try await gateway.query(token, limit: 5).status == 200)
                try await gateway.child.terminate()
            }
        }
    }
}
