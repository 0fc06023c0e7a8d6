// SPDX-License-Identifier: Apache-2.0

package import Approvals
package import GRDB
package import Orders
package import Signing
import Synchronization

/// The books of orders and approvals of a running hub. The thread that follows the topics feeds them; whoever acts asks them, and feeds
/// them what Kafka has just taken, so that a person sees at once what they did. A record that then comes from the topic is known.
package final class ControlBooks: Sendable {
    private struct State {
        var timeline: ControlTimeline
        var isCaughtUp = false
        var generation = 0
    }

    /// Whose records are believed.
    package let keys: TrustedKeys
    /// Who is who, as the gateways know it.
    package let aliases: IdentityAliases
    private let state: Mutex<State>

    package init(keys: TrustedKeys, aliases: IdentityAliases = IdentityAliases()) {
        self.keys = keys
        self.aliases = aliases
        state = Mutex(State(timeline: ControlTimeline(keys: keys, aliases: aliases)))
    }

    /// Takes records into the books and the tables, in a transaction of the caller's. If that is not committed, the books are ahead of
    /// the database: then ``reset()`` them.
    ///
    /// - Returns: why records were refused, without those that are only past their time.
    /// - Throws: SQLite's error.
    package func apply(_ records: [ControlTimeline.Record], now: Int64, in db: Database) throws -> [String] {
        try state.withLock { try $0.timeline.apply(records, now: now, in: db) }
    }

    /// Says what is past its time; as ``apply(_:now:in:)``.
    ///
    /// - Throws: SQLite's error.
    package func expire(now: Int64, in db: Database) throws {
        try state.withLock { try $0.timeline.expire(now: now, in: db) }
    }

    /// Forgets everything: the topics must be read anew from their beginning.
    package func reset() {
        state.withLock {
            $0 = State(
                timeline: ControlTimeline(keys: keys, aliases: aliases), generation: $0.generation + 1)
        }
    }

    /// Everything was read that was in the topics, by who began at that generation.
    package func caughtUp(at generation: Int) {
        state.withLock { if $0.generation == generation { $0.isCaughtUp = true } }
    }

    /// Whether the books know all that was in the topics when they were first read.
    package var isCaughtUp: Bool { state.withLock { $0.isCaughtUp } }

    /// Changes with every ``reset()``.
    package var generation: Int { state.withLock { $0.generation } }

    /// Asks the book of orders, under the lock: be quick.
    package func orders<Answer: Sendable>(_ body: (OrderBook) throws -> sending Answer) rethrows -> sending Answer {
        try state.withLock { try body($0.timeline.orders) }
    }

    /// Asks the book of approvals, under the lock: be quick.
    package func approvals<Answer: Sendable>(
        _ body: (ApprovalBook) throws -> sending Answer
    ) rethrows -> sending Answer {
        try state.withLock { try body($0.timeline.approvals) }
    }
}
