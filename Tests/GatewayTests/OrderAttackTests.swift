// SPDX-License-Identifier: Apache-2.0

import Foundation
import Gateway
import NIOHTTP1
import Orders
import Signing
import Testing

extension GatewayTests {
    @Suite struct OrderAttacks {
        /// Publishes records and then orders on somebody else: when those are in force, all before them have been read.
        private static func publish(_ stage: Stage, _ records: [SignedRecord]) async throws {
            try await stage.publishAll(records)
            // So many that both partitions have one: an order's key decides where it goes.
            let markers = (0..<12).map { _ in stage.order("nobody@example.com", [.block]) }
            try await stage.publishAll(markers.map { try $0.signed(by: stage.detector) })
            try await stage.wait("they are in force") { Set(stage.applied.ids).isSuperset(of: markers.map(\.id)) }
        }

        #if DEBUG
        /// An unoptimised build takes milliseconds for a signature.
        private static let many = 2_000
        #else
        private static let many = 10_000
        #endif

        @Test func `what is not signed as it must be stops nobody`() async throws {
            try await Stage.with(change: { $0.safety.protected = ["alice@example.com"] }) { stage in
                let target = "ana@example.com"
                let good = try stage.order(target, [.block]).signed(by: stage.detector)
                let stranger = try SigningKey.generate(name: "detect-1")
                let unknown = try SigningKey.generate(name: "detect-9")
                let text = String(decoding: good.value, as: UTF8.self)
                let parts = text.split(separator: ".").map(String.init)
                let none = Data(#"{"alg":"none","kid":"detect-1","typ":"gatewatch-order+json"}"#.utf8)
                    .base64EncodedString()
                    .replacing("=", with: "").replacing("+", with: "-").replacing("/", with: "_")
                let payload = try JSONEncoder().encode(stage.order(target, [.block]))
                let person = Order.forAlert(
                    UUID().uuidString.lowercased(), actions: [.block], subject: .init(type: .identity, value: target),
                    reason: "not the detector's to sign", severity: .high,
                    issuer: .init(kind: .person, name: "bob@example.com"),
                    issuedAt: Stage.now, ttl: 60_000)
                let records = [
                    SignedRecord(key: good.key, value: Array(payload)),
                    SignedRecord(key: good.key, value: Array("\(none).\(parts[1]).".utf8)),
                    SignedRecord(
                        key: good.key,
                        value: Array(
                            "\(parts[0]).\(parts[1]).\(parts[2].hasPrefix("A") ? "B" : "A")\(parts[2].dropFirst())".utf8
                        )),
                    SignedRecord(key: UUID().uuidString.lowercased(), value: good.value),
                    try stage.order(target, [.block]).signed(by: stranger),
                    try stage.order(target, [.block]).signed(by: unknown),
                    SignedRecord(key: good.key, value: try stage.detector.sign(Array(payload), type: .lift)),
                    SignedRecord(
                        key: person.id,
                        value: try stage.detector.sign(Array(JSONEncoder().encode(person)), type: .order)),
                    try stage.order(target, [.block], ttl: 1000, issuedAt: Stage.now - 60_000).signed(
                        by: stage.detector),
                    try stage.order(target, [.block], issuedAt: Stage.now + 3_600_000).signed(by: stage.detector),
                    try stage.order("alice@example.com", [.block]).signed(by: stage.detector),
                    SignedRecord(key: "x", value: Array(repeating: 0x41, count: 200_000)),
                ]
                try await Self.publish(stage, records)
                #expect(try await stage.query(stage.token()).status == 200)
                #expect(try await stage.query(stage.token("alice", session: "s-a")).status == 200, "protected")
                let refused = try await stage.events().filter { $0.policy.name == "orders" && $0.disposition_id == 2 }
                // An expired one comes again at every restart and is no news.
                #expect(refused.count == records.count - 1, "\(refused.map { $0.status_code ?? "" })")
            }
        }

        @Test func `a lifted order stays lifted, and a critical one takes two`() async throws {
            try await Stage.with { stage in
                let order = stage.order("ana@example.com", [.block])
                let record = try order.signed(by: stage.detector)
                try await stage.issue(order)
                #expect(try await stage.query(stage.token()).status == 403)
                let bob = try #require(stage.people["bob"])
                let carol = try #require(stage.people["carol"])
                func lift(_ id: String, _ key: SigningKey, _ name: String) throws -> SignedRecord {
                    try Lift(orderID: id, by: "\(name)@example.com", reason: "a test", at: Stage.now).signed(by: key)
                }
                // A tombstone lifts nothing; neither does the detector.
                try await stage.publishTombstone(record.key)
                try await Self.publish(stage, [])
                #expect(try await stage.query(stage.token()).status == 403)
                try await stage.publish(lift(order.id, bob, "bob"))
                try await stage.wait("it is lifted") { try await stage.query(stage.token()).status == 200 }
                try await Self.publish(stage, [record])
                #expect(try await stage.query(stage.token()).status == 200, "replayed")

                let critical = Order.forAlert(
                    UUID().uuidString.lowercased(), actions: [.block],
                    subject: .init(type: .identity, value: "ana@example.com"), reason: "a test", severity: .critical,
                    issuer: .init(kind: .automation, name: "detect-1"), issuedAt: Stage.now, ttl: 3_600_000)
                try await stage.issue(critical)
                try await Self.publish(stage, [lift(critical.id, bob, "bob"), lift(critical.id, bob, "bob")])
                #expect(try await stage.query(stage.token()).status == 403, "one person is not two")
                try await stage.publish(lift(critical.id, carol, "carol"))
                try await stage.wait("two have lifted it") { try await stage.query(stage.token()).status == 200 }
            }
        }

        @Test func `an order holds for a request whose body is still coming, and for one that waits`() async throws {
            let policies = ["vectors": "{ approval: [{ items: 100 }] }"]
            try await Stage.with(connections: { Stage.connections(port: $0, policies: policies) }) { stage in
                let token = try stage.token(secondsAgo: 5)
                let body = #"{"query":[0.1],"limit":5}"#
                let slow = try await RawClient.connect(stage.port)
                try await slow.send(
                    "POST /vectors/collections/docs/points/query HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer \(token)\r\n"
                        + "Expect: 100-continue\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
                try await slow.wait { $0.statuses == [100] }
                try await slow.send(String(body.dropLast(3)))
                let waiting = Task { try await stage.query(token, limit: 500, headers: [("prefer", "wait=60")]) }
                try await stage.wait("it waits") { try await stage.approvalRequests().count == 1 }
                try await stage.issue(stage.order("ana@example.com", [.revokeTokens]))
                #expect(try await waiting.value.status == 401, "at once, not after its wait")
                try await slow.send(String(body.suffix(3)))
                try await slow.wait { $0.statuses.count == 2 }
                #expect(slow.statuses == [100, 401])
                slow.close()
                let events = try await stage.events().filter { $0.status_code == "revoked" }
                #expect(events.count == 2)
            }
        }

        @Test func `thousands of orders at once do not keep requests waiting`() async throws {
            try await Stage.with(change: {
                $0.safety.ordersPerHour = 100_000
                $0.safety.sharePerHour = 1
                $0.safety.shareFloor = 100_000
            }) { stage in
                var records: [SignedRecord] = []
                for number in 0..<Self.many {
                    records.append(try stage.order("person-\(number)@example.com", [.block]).signed(by: stage.detector))
                }
                let token = try stage.token()
                #expect(try await stage.query(token).status == 200)
                try await stage.publishAll(records)
                var answered = 0
                while stage.service.activeOrders < Self.many {
                    #expect(try await stage.query(token).status == 200)
                    answered += 1
                }
                #expect(answered > 0)
                let blocked = try stage.token("person-\(Self.many - 1)", session: "s-9")
                #expect(try await stage.query(blocked).status == 403)
            }
        }

        @Test func `a change of the configuration holds for the next request of an open connection`() async throws {
            try await RawUpstream.with { upstream in
                try await Stage.withRaw(upstream) { stage in
                    let client = try await RawClient.connect(stage.port)
                    let request =
                        "POST /raw/any HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer \(try stage.token())\r\nContent-Length: 2\r\n\r\nhi"
                    try await client.send(request)
                    try await client.wait { $0.statuses == [200] }
                    let file = "\(stage.folder)/next.yml"
                    let secret = "\(stage.folder)/secret"
                    try "other-secret-0123456789".write(toFile: secret, atomically: true, encoding: .utf8)
                    try Stage.rawConnections(
                        port: upstream.port, secret: secret, policy: "{ limits: { request_bytes: 1 } }"
                    )
                    .write(toFile: file, atomically: true, encoding: .utf8)
                    try stage.reload(file)
                    try await client.send(request)
                    try await client.wait { $0.statuses == [200, 413] }
                    client.close()
                    #expect(upstream.requests.count == 1)
                }
            }
        }
    }
}
