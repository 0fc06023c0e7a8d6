// SPDX-License-Identifier: Apache-2.0

package import Delivery
import Dispatch
import Hub
import Incidents
package import Notifications
package import Paging

extension Desk {
    /// Deliveries, the latest first.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func deliveries(
        target: String? = nil, state: Delivery.State? = nil, after cursor: String? = nil, limit: Int = 100,
        for actor: Actor
    ) async throws -> Page<Delivery> {
        try await read(for: actor) { db in
            let size = min(max(1, limit), IncidentStore.maximumPage)
            let rows = try DeliveryOutbox.latest(
                target: target, state: state, before: cursor.map { try Cursor.read($0, numbers: 1).numbers[0] },
                limit: size + 1, in: db)
            return Page(rows, size: size) { "\($0.id)" }
        }
    }

    /// How each target is, in the configuration's order.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func targets(for actor: Actor) async throws -> [TargetHealth] {
        let outbox = hub.outbox
        return try await read(for: actor) { db in try outbox.health(in: db) }
    }

    /// The names of those who are told.
    ///
    /// - Throws: ``DeskError/forbidden(_:)``.
    package func receivers(for actor: Actor) throws -> [String] {
        try require(.read, of: actor)
        return hub.configuration.receivers.map(\.name)
    }

    /// Makes dead deliveries pending again, all that are meant; delivered ones too where the selection says so.
    ///
    /// - Returns: how many.
    /// - Throws: ``DeskError``, or SQLite's error.
    package func replay(_ selection: ReplaySelection, by actor: Actor) async throws -> Int {
        guard (selection.ids?.count ?? 0) + (selection.messageIDs?.count ?? 0) <= 1_000 else {
            throw DeskError.invalid(field: "ids", "at most 1000 deliveries are named at once")
        }
        let outbox = hub.outbox
        return try await write(.manageDeliveries, by: actor) { db, now in
            let count = try outbox.replay(selection, in: db)
            var payload = [
                "count": String(count), "states": selection.states.map(\.rawValue).sorted().joined(separator: ","),
            ]
            payload["ids"] = selection.ids?.map(String.init).joined(separator: ",")
            payload["messages"] = selection.messageIDs?.joined(separator: ",")
            payload["since"] = selection.since.map(String.init)
            try Self.note("delivery.replay", on: selection.target ?? "*", by: actor, payload, now: now, in: db)
            return count
        }
    }

    /// Sends to a target again that wanted nothing more, and revives what died of that.
    ///
    /// - Returns: how many deliveries are pending again.
    /// - Throws: ``DeskError``, or SQLite's error.
    package func enableTarget(_ name: String, by actor: Actor) async throws -> Int {
        let outbox = hub.outbox
        return try await write(.manageDeliveries, by: actor) { db, now in
            guard outbox.targetNames.contains(name) else {
                throw DeskError.unknown("there is no target \(name.prefix(80))")
            }
            let count = try outbox.enableTarget(name, in: db)
            try Self.note("delivery.enable", on: name, by: actor, ["count": String(count)], now: now, in: db)
            return count
        }
    }

    /// Sends a marked test message to a receiver, one attempt at each of its targets.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func testReceiver(_ name: String, by actor: Actor) async throws -> [Trial] {
        try require(.manageDeliveries, of: actor)
        guard let receiver = hub.configuration.receivers.first(where: { $0.name == name }) else {
            throw DeskError.unknown("there is no receiver \(name.prefix(80))")
        }
        let (now, logger) = (clock(), logger)
        // It blocks for as long as the targets take: not on the pool's threads.
        let trials = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: receiver.trial(now: now, logger: logger)) }
        }
        try await note(
            "delivery.test", on: name, by: actor, needs: .manageDeliveries,
            payload: ["results": trials.map { "\($0.target): \($0.attempt.description)" }.joined(separator: "; ")])
        return trials
    }
}
