// SPDX-License-Identifier: Apache-2.0

/// The whole state of an engine as a value: what a partition takes along when it moves, and what a restart goes on from.
package struct EngineState: Sendable, Equatable {
    /// One window, episode or learning period.
    package struct Row: Sendable, Equatable {
        /// Which rule's state, by what the rule counts. A rule that changes what it counts starts afresh.
        package let state: UInt64
        package let key: [UInt8]
        package let value: [UInt8]

        package init(state: UInt64, key: [UInt8], value: [UInt8]) {
            self.state = state
            self.key = key
            self.value = value
        }
    }

    /// The latest event time seen, ms; nil before the first event.
    package let newest: Int64?
    /// In no particular order; `==` compares what a sorted copy holds.
    package let rows: [Row]

    package init(newest: Int64?, rows: [Row]) {
        self.newest = newest
        self.rows = rows.sorted {
            $0.state != $1.state ? $0.state < $1.state : $0.key.lexicographicallyPrecedes($1.key)
        }
    }
}

/// A row that changed since the last commit; without a value it is gone.
package struct EngineChange: Sendable {
    package let state: UInt64
    package let key: [UInt8]
    package let value: [UInt8]?

    package init(state: UInt64, key: [UInt8], value: [UInt8]?) {
        self.state = state
        self.key = key
        self.value = value
    }
}
