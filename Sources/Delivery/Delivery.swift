// SPDX-License-Identifier: Apache-2.0

/// A message for one target, to be put into the outbox.
package struct NewDelivery: Sendable, Equatable {
    /// The `webhook-id`: unique per message, the same for every target and attempt. 1 to 200 of `[A-Za-z0-9_-]`.
    package var messageID: String
    /// The target's name.
    package var target: String
    /// Messages of one key reach a target in the order in which they were put in: an incident or an identity.
    package var orderingKey: String
    /// The bytes to post.
    package var body: [UInt8]

    package init(messageID: String, target: String, orderingKey: String, body: [UInt8]) {
        self.messageID = messageID
        self.target = target
        self.orderingKey = orderingKey
        self.body = body
    }
}

/// One row of the outbox, without its body. Times are milliseconds since the epoch.
package struct Delivery: Sendable, Equatable {
    /// Where a delivery is in its life.
    package enum State: String, Sendable, CaseIterable {
        /// To be attempted, now or later.
        case pending
        /// The target answered 2xx.
        case delivered
        /// Given up; it stays, and a replay makes it pending again.
        case dead
    }

    /// The row's number: the order of putting in.
    package var id: Int64
    package var messageID: String
    package var target: String
    package var orderingKey: String
    package var state: State
    /// Attempts made since it was put in or replayed.
    package var attempts: Int
    /// The earliest time of the next attempt; nil if it is not pending or waits for an earlier one of its key.
    package var nextAttemptAt: Int64?
    /// The HTTP status of the last attempt; nil if there was no reply.
    package var lastStatus: Int?
    /// Why the last attempt failed, or why it is dead.
    package var lastError: String?
    package var createdAt: Int64
    package var updatedAt: Int64
}

/// What is known about a target. Times are milliseconds since the epoch.
package struct TargetHealth: Sendable, Equatable {
    package var name: String
    /// Scheme, host and port.
    package var endpoint: String
    /// Set when the target answered 410 or an operator disabled it; nothing is sent until it is enabled.
    package var disabledReason: String?
    package var lastSuccessAt: Int64?
    package var failuresInARow: Int
    package var lastError: String?
    /// Until when the target asked us to wait by `Retry-After`.
    package var heldUntil: Int64?
    package var pending: Int
    package var dead: Int
    /// When the oldest pending delivery was put in.
    package var oldestPendingAt: Int64?

    /// Deliveries succeed, or nothing says that they would not.
    package var isHealthy: Bool { disabledReason == nil && failuresInARow == 0 }
}

/// Which deliveries to replay. Everything given must hold.
package struct ReplaySelection: Sendable, Equatable {
    /// Row numbers; nil for any.
    package var ids: [Int64]?
    /// Message ids (`webhook-id`); nil for any.
    package var messageIDs: [String]?
    /// A target's name; nil for any.
    package var target: String?
    /// Put in at or after this time, milliseconds since the epoch; nil for any.
    package var since: Int64?
    /// Only dead ones, unless said otherwise. Pending ones are never touched.
    package var states: Set<Delivery.State>

    package init(
        ids: [Int64]? = nil, messageIDs: [String]? = nil, target: String? = nil, since: Int64? = nil,
        states: Set<Delivery.State> = [.dead]
    ) {
        self.ids = ids
        self.messageIDs = messageIDs
        self.target = target
        self.since = since
        self.states = states
    }
}
