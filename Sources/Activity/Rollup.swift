// SPDX-License-Identifier: Apache-2.0

/// What some events add up to, before it is written. Identities, connections and resources are numbers of the writer's name tables.
struct Rollup {
    struct Sums {
        var events: Int64 = 0
        var items: Int64 = 0
        var bytesIn: Int64 = 0
        var bytesOut: Int64 = 0

        mutating func add(items: Int64, bytesIn: Int64, bytesOut: Int64) {
            events += 1
            self.items += items
            self.bytesIn += bytesIn
            self.bytesOut += bytesOut
        }
    }

    struct HourKey: Hashable {
        var identity: Int32
        var hour: Int32
        var connection: Int32
        var operation: UInt8
        var decision: UInt8
    }

    struct TotalKey: Hashable {
        var hour: Int32
        var connection: Int32
        var operation: UInt8
        var decision: UInt8
    }

    struct ReachKey: Hashable {
        var identity: Int32
        var resource: Int32
        var day: Int32
    }

    struct ReachSums {
        var firstAt: Int64
        var lastAt: Int64
        var events: Int64 = 0
        var items: Int64 = 0
        var bytesOut: Int64 = 0
        var denied: Int64 = 0
        var unapproved: Int64 = 0
    }

    struct SessionKey: Hashable {
        var identity: Int32
        var hash: UInt64
    }

    struct SessionSums {
        var session: String
        var startedAt: Int64
        var lastAt: Int64
        var address: String?
        var userAgent: String?
        var events: Int64 = 0
        var denied: Int64 = 0
        var items: Int64 = 0
        var bytesOut: Int64 = 0
    }

    struct Change {
        var event: String
        var at: Int64
        var identity: Int32
        var operation: UInt8
        var resource: Int32?
        var change: String?
        var approval: String?
        var decision: UInt8
    }

    struct CoverageKey: Hashable {
        var hour: Int32
        var partition: Int32
    }

    struct CoverageSums {
        var events: Int64 = 0
        var unreadable: Int64 = 0
        /// Of `events`.
        var late: Int64 = 0

        mutating func add(isLate: Bool) {
            events += 1
            if isLate { late += 1 }
        }
    }

    var hours: [HourKey: Sums] = [:]
    var totals: [TotalKey: Sums] = [:]
    var reach: [ReachKey: ReachSums] = [:]
    var sessions: [SessionKey: SessionSums] = [:]
    var changes: [Change] = []
    var coverage: [CoverageKey: CoverageSums] = [:]
    /// Hashes of the events' ids, in the order in which they came.
    var events: [UInt64] = []

    mutating func removeAll() {
        hours.removeAll(keepingCapacity: true)
        totals.removeAll(keepingCapacity: true)
        reach.removeAll(keepingCapacity: true)
        sessions.removeAll(keepingCapacity: true)
        changes.removeAll()
        coverage.removeAll(keepingCapacity: true)
        events.removeAll(keepingCapacity: true)
    }

    /// Whole hours since the epoch of a time in ms; times lie between the epoch and the year 9999.
    static func hour(_ milliseconds: Int64) -> Int32 { Int32(milliseconds / 3_600_000) }
    /// Whole days since the epoch.
    static func day(_ milliseconds: Int64) -> Int32 { Int32(milliseconds / 86_400_000) }
}
