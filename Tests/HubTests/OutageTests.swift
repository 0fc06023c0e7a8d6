// SPDX-License-Identifier: Apache-2.0

import Delivery
import Foundation
import Hub
import Synchronization
import TestSupport
import Testing

/// A receiver that nobody answers at for a while. `GATEWATCH_OUTAGE_MINUTES=60` makes that an hour, with the schedule that ships.
@Suite struct OutageTests {
    private static let minutes = ProcessInfo.processInfo.environment["GATEWATCH_OUTAGE_MINUTES"].flatMap(Double.init)
    private static let identities = 20

    /// One alert of each identity, `round` after `round`.
    private static func send(_ round: Int, _ stage: Stage) async throws {
        for identity in 0..<identities {
            try await stage.send(
                finding("\(identity)-\(round)", identity: "person-\(identity)"), key: "person-\(identity)")
        }
    }

    @Test func aReceiverThatWasDownGetsEachAlertOnceAndInOrder() async throws {
        let stage = try Stage()
        let before = try await Self.before(stage)
        // Nobody listens there now. Alerts come all the time; the hub is ended and started in the middle.
        let rounds = 12
        let pause = Duration.seconds((Self.minutes ?? 0) * 60 / Double(rounds - 1))
        for half in [1..<rounds / 2, rounds / 2..<rounds] {
            try await stage.withHub(["soc": before.url], configure: Self.configure) { hub in
                for round in half {
                    try await Self.send(round, stage)
                    try await Task.sleep(for: pause)
                }
                #expect(
                    try await eventually {
                        try hub.outbox.health().first?.pending == (half.upperBound - 1) * Self.identities
                    })
                #expect(try await eventually { try hub.outbox.health().first?.failuresInARow ?? 0 > 0 })
            }
        }
        try await LocalReceiver.with(port: before.port) { receiver in
            try await stage.withHub(["soc": before.url], configure: Self.configure) { hub in
                try await Self.send(rounds, stage)
                // With the schedule that ships it is asked every minute.
                #expect(
                    try await eventually(seconds: 180) { receiver.ids.count >= rounds * Self.identities })
                // What has arrived is marked so a moment later.
                #expect(try await eventually { try hub.outbox.health().first?.pending == 0 })
                #expect(try hub.outbox.health().first?.dead == 0)
            }
            let ids = receiver.ids
            #expect(ids.count == rounds * Self.identities && Set(ids).count == ids.count)
            for request in receiver.requests { try request.verify() }
            for identity in 0..<Self.identities {
                let own = ids.filter { $0.hasPrefix("msg_\(identity)-") }
                #expect(own == (1...rounds).map { "msg_\(identity)-\($0)" })
            }
        }
    }

    /// Round 0 arrives while the receiver is there. Returns where that was.
    private static func before(_ stage: Stage) async throws -> (url: String, port: Int) {
        let place = Mutex((url: "", port: 0))
        try await LocalReceiver.with { receiver in
            place.withLock { $0 = (receiver.url, receiver.port) }
            try await stage.withHub(["soc": receiver.url], configure: configure) { _ in
                try await send(0, stage)
                #expect(try await eventually { receiver.ids.count == identities })
            }
        }
        return place.withLock { $0 }
    }

    private static func configure(_ configuration: inout HubConfiguration) {
        configuration.schedule =
            minutes == nil
            ? RetrySchedule(delaysMilliseconds: [0] + Array(repeating: 50, count: 100_000), jitter: 0) : .standard
    }
}
