// SPDX-License-Identifier: Apache-2.0
import Delivery
import Foundation
import GRDB
import Kafka
import Synchronization
import TestSupport
import Testing

@Suite struct DeliveryOutboxTests {
    @Test func aMessageIsDeliveredSigned() async throws {
        try await LocalReceiver.with { receiver in
            let room = try Room([webhook(receiver.url)])
            try room.enqueue("msg_1")
            #expect(try await room.settled())
            await room.outbox.shutdown()
            #expect(receiver.ids == ["msg_1"])
            try receiver.requests[0].verify()
            #expect(receiver.requests[0].body == Array(#"{"id":"msg_1"}"#.utf8))
            let delivery = try #require(try room.delivery("msg_1"))
            #expect(delivery.state == .delivered && delivery.attempts == 1 && delivery.lastStatus == 200)
            let health = try #require(try room.outbox.health().first)
            #expect(health.isHealthy && health.lastSuccessAt != nil && health.pending == 0 && health.dead == 0)
        }
    }

    @Test func puttingInTwiceIsPuttingInOnce() async throws {
        try await LocalReceiver.with { receiver in
            let room = try Room([webhook(receiver.url), webhook(receiver.url, name: "other")])
            let deliveries = ["soc", "other"].map {
                NewDelivery(messageID: "msg_1", target: $0, orderingKey: "k", body: [])
            }
            #expect(try room.outbox.enqueue(deliveries) == 2)
            #expect(try await room.settled())
            #expect(try room.outbox.enqueue(deliveries) == 0)
            try room.enqueue("msg_2")
            #expect(try await room.settled())
            await room.outbox.shutdown()
            #expect(receiver.ids.sorted() == ["msg_1", "msg_1", "msg_2"])
        }
    }

    @Test func aRetryHasTheSameIDAndASignatureOfItsOwnTime() async throws {
        try await LocalReceiver.with({ _, before in .init(status: before == 0 ? 500 : 200, body: "try\nlater") }) {
            receiver in
            // A second and more apart, so that the timestamps, in seconds, must differ.
            let room = try Room([webhook(receiver.url)], delays: [0, 1_100])
            try room.enqueue("msg_1")
            #expect(try await eventually { try room.delivery("msg_1")?.attempts == 1 })
            #expect(try room.delivery("msg_1")?.lastError == "HTTP 500: try later")
            #expect(try room.outbox.health().first?.failuresInARow == 1)
            #expect(try await room.settled())
            await room.outbox.shutdown()
            let requests = receiver.requests
            try #require(requests.count == 2)
            #expect(requests[0].id == requests[1].id)
            #expect(requests[0].timestamp != requests[1].timestamp)
            #expect(requests[0].signature != requests[1].signature)
            for request in requests { try request.verify() }
            #expect(try room.outbox.health().first?.isHealthy == true)
        }
    }

    @Test func retryAfterHoldsTheWholeTarget() async throws {
        try await LocalReceiver.with({ request, before in
            request.id == "msg_1" && before == 0
                ? .init(status: 429, headers: ["Retry-After": "2"]) : .init(status: 200)
        }) { receiver in
            let room = try Room([webhook(receiver.url)])
            try room.enqueue("msg_1")
            #expect(try await eventually { try room.delivery("msg_1")?.attempts == 1 })
            try room.enqueue("msg_2")
            #expect(try await room.settled())
            await room.outbox.shutdown()
            let requests = receiver.requests
            #expect(requests.count == 3)
            // The schedule alone would have come back after 1 ms.
            for request in requests.dropFirst() {
                #expect(request.arrived.timeIntervalSince(requests[0].arrived) >= 1.9)
            }
        }
    }

    @Test func aRetryAfterOfYearsIsShortenedToADay() async throws {
        try await LocalReceiver.with({ _, _ in .init(status: 503, headers: ["Retry-After": "999999999999999999"]) }) {
            receiver in
            let room = try Room([webhook(receiver.url)])
            try room.enqueue("msg_1")
            #expect(try await eventually { try room.delivery("msg_1")?.attempts == 1 })
            await room.outbox.shutdown()
            let delivery = try #require(try room.delivery("msg_1"))
            let wait = try #require(delivery.nextAttemptAt) - delivery.updatedAt
            #expect(wait == RetrySchedule.maximumRetryAfterMilliseconds)
        }
    }

    @Test func goneDisablesTheTargetUntilItIsEnabled() async throws {
        let isBack = Flag()
        try await LocalReceiver.with({ _, _ in .init(status: isBack.isSet ? 200 : 410) }) { receiver in
            let room = try Room([webhook(receiver.url)])
            try room.enqueue("msg_1", "msg_2", key: "k")
            #expect(try await eventually { try room.outbox.deliveries(state: .dead).count == 2 })
            // What comes while it is disabled is kept too.
            try room.enqueue("msg_3")
            await room.outbox.shutdown()
            #expect(receiver.ids == ["msg_1"])
            #expect(try room.outbox.deliveries().map(\.lastError) == Array(repeating: "target disabled", count: 3))
            let health = try #require(try room.outbox.health().first)
            #expect(health.disabledReason?.contains("410") == true && !health.isHealthy && health.dead == 3)

            // It stays disabled in the next process.
            isBack.set()
            let next = try Room([webhook(receiver.url)], folder: room.folder)
            #expect(try next.outbox.health().first?.disabledReason != nil)
            #expect(try next.outbox.enableTarget("soc") == 3)
            #expect(try await next.settled())
            await next.outbox.shutdown()
            #expect(receiver.ids.sorted() == ["msg_1", "msg_1", "msg_2", "msg_3"])
            #expect(try next.outbox.deliveries(state: .delivered).count == 3)
        }
    }

    @Test func afterTheLastAttemptItIsADeadLetterThatCanBeReplayed() async throws {
        let isWell = Flag()
        try await LocalReceiver.with({ _, _ in .init(status: isWell.isSet ? 204 : 500) }) { receiver in
            let room = try Room([webhook(receiver.url)], delays: [0, 1, 1])
            try room.enqueue("msg_1", "msg_2")
            #expect(try await room.settled())
            #expect(receiver.ids.sorted() == Array(repeating: "msg_1", count: 3) + Array(repeating: "msg_2", count: 3))
            let dead = try room.outbox.deliveries(state: .dead)
            #expect(dead.map(\.attempts) == [3, 3])
            #expect(try room.outbox.health().first?.dead == 2)

            isWell.set()
            #expect(try room.outbox.replay(.init(target: "nobody")) == 0)
            #expect(try room.outbox.replay(.init(since: Int64.max)) == 0)
            #expect(try room.outbox.replay(.init(ids: [dead[1].id])) == 1)
            #expect(try await room.settled())
            #expect(try room.delivery("msg_2")?.state == .delivered)
            #expect(try room.delivery("msg_1")?.state == .dead)
            #expect(try room.outbox.replay(.init(target: "soc", since: 0)) == 1)
            #expect(try await room.settled())
            // A delivered one only when asked for.
            #expect(try room.outbox.replay(.init(messageIDs: ["msg_1"])) == 0)
            #expect(try room.outbox.replay(.init(messageIDs: ["msg_1"], states: [.delivered])) == 1)
            #expect(try await room.settled())
            await room.outbox.shutdown()
            #expect(receiver.ids.suffix(3) == ["msg_2", "msg_1", "msg_1"])
        }
    }

    @Test func messagesOfOneKeyKeepTheirOrderAndOthersDoNotWait() async throws {
        let mayPass = Flag()
        try await LocalReceiver.with({ request, _ in
            .init(status: request.id == "msg_a1" && !mayPass.isSet ? 500 : 200)
        }) { receiver in
            let room = try Room([webhook(receiver.url)], delays: [0] + Array(repeating: 20, count: 10_000))
            try room.enqueue("msg_a1", "msg_a2", "msg_a3", key: "a")
            try room.enqueue("msg_b1", "msg_b2", key: "b")
            #expect(try await eventually { try room.delivery("msg_b2")?.state == .delivered })
            #expect(try await eventually { receiver.ids.filter { $0 == "msg_a1" }.count >= 3 })
            #expect(!receiver.ids.contains("msg_a2"))
            mayPass.set()
            #expect(try await room.settled())
            await room.outbox.shutdown()
            var firsts: [String] = []
            for id in receiver.ids where !firsts.contains(id) { firsts.append(id) }
            #expect(firsts.filter { $0.hasPrefix("msg_a") } == ["msg_a1", "msg_a2", "msg_a3"])
            #expect(firsts.filter { $0.hasPrefix("msg_b") } == ["msg_b1", "msg_b2"])
        }
    }

    /// Its own waits are 10 minutes; what brings the others back at once is that one got through.
    @Test func whatWaitedForATargetThatIsBackWaitsNoMore() async throws {
        let isWell = Flag()
        try await LocalReceiver.with({ request, _ in .init(status: isWell.isSet || request.id == "msg_new" ? 200 : 500)
        }) {
            receiver in
            let room = try Room([webhook(receiver.url)], delays: [0, 600_000, 600_000])
            let ids = (0..<6).flatMap { key in (0..<3).map { "msg_\(key)_\($0)" } }
            for id in ids { try room.enqueue(id, key: String(id.dropLast(2))) }
            #expect(try await eventually { receiver.ids.count == 6 })
            #expect(try room.outbox.health().first?.failuresInARow == 6)
            isWell.set()
            try room.enqueue("msg_new", key: "new")
            #expect(try await room.settled())
            await room.outbox.shutdown()
            let arrived = receiver.ids.dropFirst(6)
            #expect(arrived.first == "msg_new" && arrived.count == 19 && Set(arrived).count == 19)
            for key in 0..<6 {
                #expect(arrived.filter { $0.hasPrefix("msg_\(key)_") } == (0..<3).map { "msg_\(key)_\($0)" })
            }
        }
    }

    /// Nobody listens: one delivery at a time asks, the others lose no attempts, and none dies before its time.
    @Test func aTargetThatDoesNotAnswerIsAskedByOneAtATime() async throws {
        let room = try Room([webhook("http://127.0.0.1:9/")], delays: [0, 60_000, 60_000])
        for key in 0..<50 { try room.enqueue("msg_\(key)", key: "\(key)") }
        #expect(try await eventually { try room.outbox.health().first?.failuresInARow == 3 })
        await room.outbox.shutdown()
        let attempts = try (0..<50).map { try room.delivery("msg_\($0)")?.attempts }
        #expect(attempts == [1, 1, 1] + Array(repeating: 0, count: 47))
        #expect(try room.outbox.health().first?.dead == 0)
    }

    @Test func aDeadLetterLetsTheNextOfItsKeyGo() async throws {
        try await LocalReceiver.with({ request, _ in .init(status: request.id == "msg_1" ? 400 : 200) }) { receiver in
            let room = try Room([webhook(receiver.url)], delays: [0, 1])
            try room.enqueue("msg_1", "msg_2", key: "k")
            #expect(try await room.settled())
            await room.outbox.shutdown()
            #expect(receiver.ids == ["msg_1", "msg_1", "msg_2"])
            #expect(try room.delivery("msg_1")?.state == .dead)
        }
    }

    @Test func whatIsRefusedForGoodIsADeadLetterAtOnceAndLetsTheNextGo() async throws {
        try await LocalReceiver.with({ request, _ in
            request.body == Array("{\"id\":\"bad\"}".utf8)
                ? .init(status: 400, body: "invalid_payload") : .init(status: 200)
        }) { receiver in
            let slack = try HTTPTarget(
                name: "soc", url: Secret(receiver.url), service: .slack, options: .init(addresses: .allowingPrivate))
            let room = try Room([slack], delays: [0, 1, 1, 1])
            try room.enqueue("bad", "good", key: "k")
            #expect(try await room.settled())
            await room.outbox.shutdown()
            #expect(receiver.requests.map(\.body) == ["bad", "good"].map { Array("{\"id\":\"\($0)\"}".utf8) })
            let dead = try #require(try room.delivery("bad"))
            #expect(dead.state == .dead && dead.attempts == 1 && dead.lastError == "HTTP 400: invalid_payload")
        }
    }

    @Test func aTargetThatCannotBeUsedSaysSoInItsHealthAndKeepsItsDeliveries() async throws {
        let kafka = try KafkaTarget(
            name: "soc", properties: KafkaProperties(["bootstrap.servers": "127.0.0.1:1", "no.such.property": "1"]),
            topic: "t")
        let room = try Room([kafka])
        try room.enqueue("msg_1")
        #expect(try await eventually { try room.outbox.health().first?.isHealthy == false })
        #expect(try room.outbox.health().first?.lastError?.contains("no.such.property") == true)
        await room.outbox.shutdown()
        #expect(try room.delivery("msg_1")?.state == .pending)
    }

    @Test func aTargetThatHangsDoesNotHoldAnother() async throws {
        let hanging = try RawServer(reply: "", hang: true)
        defer { hanging.stop() }
        try await LocalReceiver.with { receiver in
            let room = try Room([
                webhook(hanging.url, name: "slow", timeoutMilliseconds: 600_000), webhook(receiver.url),
            ])
            try room.enqueue("msg_1", target: "slow")
            #expect(try await eventually { hanging.connections == 1 })
            try room.enqueue("msg_1", "msg_2")
            #expect(try await eventually { receiver.ids == ["msg_1", "msg_2"] })
            #expect(try room.delivery("msg_1", target: "slow")?.state == .pending)
            await room.outbox.shutdown(graceMilliseconds: 0)
            #expect(try room.delivery("msg_1", target: "slow")?.attempts == 0)
        }
    }

    @Test func transportErrorsAreRetriedAndSayWhatHappened() async throws {
        let closing = try RawServer(reply: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", hang: false)
        let hanging = try RawServer(reply: "HTTP/1.1 200 OK\r\n", hang: true)
        defer {
            closing.stop()
            hanging.stop()
        }
        let room = try Room([
            webhook(closing.url, name: "closes"), webhook(hanging.url, name: "hangs", timeoutMilliseconds: 200),
            webhook("http://127.0.0.1:1/", name: "nobody"),
        ])
        for name in ["closes", "hangs", "nobody"] { try room.enqueue("msg_1", target: name) }
        #expect(try await room.settled())
        await room.outbox.shutdown()
        #expect(closing.connections == 3 && hanging.connections == 3)
        for health in try room.outbox.health() { #expect(health.dead == 1 && health.failuresInARow == 3) }
        #expect(try room.delivery("msg_1", target: "closes")?.lastError?.contains("dropped the connection") == true)
        #expect(try room.delivery("msg_1", target: "hangs")?.lastError?.contains("hangs") == true)
        #expect(
            try room.delivery("msg_1", target: "nobody")?.lastError?.contains("check that the receiver runs") == true)
    }

    @Test func aRedirectIsAFailureAndALongReplyIsNot() async throws {
        let long = String(repeating: "y", count: 200_000)
        try await LocalReceiver.with({ request, _ in
            request.id == "msg_1"
                ? .init(status: 307, headers: ["Location": "/other"]) : .init(status: 200, body: long)
        }) { receiver in
            let room = try Room([webhook(receiver.url)], delays: [0])
            try room.enqueue("msg_1", "msg_2")
            #expect(try await room.settled())
            await room.outbox.shutdown()
            #expect(try room.delivery("msg_1")?.state == .dead)
            #expect(try room.delivery("msg_1")?.lastStatus == 307)
            #expect(try room.delivery("msg_2")?.state == .delivered)
            #expect(Set(receiver.requests.map(\.path)) == ["/hook"])
        }
    }

    @Test func whatWasUnderWayWhenTheProcessEndedComesAgainUnderTheSameID() async throws {
        let hanging = try RawServer(reply: "", hang: true)
        defer { hanging.stop() }
        let first = try Room([webhook(hanging.url, timeoutMilliseconds: 600_000)])
        try first.enqueue("msg_1", "msg_2", key: "k")
        #expect(try await eventually { hanging.connections == 1 })
        // The receiver has the message; we end before we know.
        await first.outbox.shutdown(graceMilliseconds: 0)
        try await LocalReceiver.with { receiver in
            let second = try Room([webhook(receiver.url)], folder: first.folder)
            #expect(try await second.settled())
            await second.outbox.shutdown()
            #expect(receiver.ids == ["msg_1", "msg_2"])
        }
    }

    @Test func deliveriesCommitWithTheCallersTransaction() async throws {
        struct Undo: Error {}
        try await LocalReceiver.with { receiver in
            let room = try Room([webhook(receiver.url)])
            let outbox = room.outbox
            #expect(throws: Undo.self) {
                try outbox.database.write { db in
                    try outbox.enqueue([.init(messageID: "msg_1", target: "soc", orderingKey: "", body: [])], in: db)
                    throw Undo()
                }
            }
            try await outbox.database.write { db in
                _ = try outbox.enqueue([.init(messageID: "msg_2", target: "soc", orderingKey: "", body: [])], in: db)
            }
            #expect(try await eventually { receiver.ids == ["msg_2"] })
            await outbox.shutdown()
            #expect(try outbox.deliveries().map(\.messageID) == ["msg_2"])
        }
    }

    @Test func whatCannotBeDeliveredIsRefusedWithItsReason() throws {
        let target = try webhook("http://127.0.0.1:1/")
        let room = try Room([target], start: false)
        func put(_ id: String, _ target: String = "soc", _ body: [UInt8] = []) throws {
            try room.outbox.enqueue([.init(messageID: id, target: target, orderingKey: "", body: body)])
        }
        #expect(throws: DeliveryError.badMessageID("a.b")) { try put("a.b") }
        #expect(throws: DeliveryError.badMessageID("")) { try put("") }
        #expect(throws: DeliveryError.unknownTarget(name: "x")) { try put("a", "x") }
        #expect(throws: DeliveryError.self) { try put("a", "soc", .init(repeating: 0, count: 3_000_000)) }
        #expect(throws: DeliveryError.duplicateTarget(name: "soc")) { try Room([target, target], start: false) }
        let bad = #expect(throws: DeliveryError.self) { try webhook("ftp://example.org/secret-path") }
        #expect(bad?.description.contains("soc") == true && bad?.description.contains("secret-path") == false)
        #expect(throws: DeliveryError.self) { try webhook("http://127.0.0.1/", name: "a b") }
        #expect(throws: DeliveryError.self) { try WebhookTarget(name: "a", url: "http://127.0.0.1/", secrets: []) }
    }

    @Test func oldDeliveredOnesArePruned() async throws {
        try await LocalReceiver.with { receiver in
            let room = try Room([webhook(receiver.url)])
            try room.enqueue("msg_1")
            #expect(try await room.settled())
            await room.outbox.shutdown()
            #expect(try room.outbox.prune(deliveredBefore: 0) == 0)
            #expect(try room.outbox.prune(deliveredBefore: Int64.max) == 1)
            #expect(try room.outbox.deliveries().isEmpty)
        }
    }
}

/// Set once, seen by everybody.
final class Flag: Sendable {
    private let value = Atomic<Bool>(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
}
