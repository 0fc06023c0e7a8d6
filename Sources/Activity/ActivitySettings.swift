// SPDX-License-Identifier: Apache-2.0

package import AuditEvent

/// How events are read and how much is kept of them.
package struct ActivitySettings: Sendable {
    /// How events read.
    package var mapping: Mapping
    /// Who is who: the same as of the detectors, else identities here are not those of the alerts.
    package var directory: IdentityDirectory?
    /// An event so much later than its record's time counts as unreadable, ms: its clock is wrong.
    package var maximumAhead: Int64
    /// A larger event counts as unreadable, bytes.
    package var maximumEventBytes: Int
    package var limits: ActivityLimits
    /// An event is late whose record is more than this younger, ms: the detectors' default lateness.
    static let lateness: Int64 = 60_000

    package init(
        mapping: Mapping, directory: IdentityDirectory? = nil, maximumAhead: Int64 = 600_000,
        maximumEventBytes: Int = 1 << 20, limits: ActivityLimits = ActivityLimits()
    ) {
        self.mapping = mapping
        self.directory = directory
        self.maximumAhead = maximumAhead
        self.maximumEventBytes = maximumEventBytes
        self.limits = limits
    }
}

/// How many different names are kept. What is beyond a limit counts under ``ActivitySchema/others``: nothing is lost from the sums,
/// and nobody fills the disk with names.
package struct ActivityLimits: Sendable, Equatable {
    /// All together.
    package var identities = 2_000_000
    package var connections = 1_000
    /// Of one connection.
    package var resources = 10_000
    /// Resources in the reach of one identity; those beyond count at the connection's `(others)`.
    package var reach = 2_000
    /// Of one identity.
    package var sessions = 10_000
    /// Resources of one event that count; more are passed over.
    package var resourcesOfEvent = 8
    /// Ids of events by which repeats are known: at least so many of the latest, at most twice as many.
    package var recentEvents = 250_000

    package init() {}

    /// Bytes of a name.
    static let nameBytes = 512
    /// Bytes of a session's id, an event's id, a change's or an approval's.
    static let idBytes = 256
    /// The most bytes and items that one event counts for: 16 TiB. Sums stay whole numbers of 64 bits.
    static let amount: Int64 = 1 << 44
}

/// How long what is counted per time is kept. Identities, resources and `reach` stay.
package struct ActivityRetention: Sendable, Equatable {
    /// Rows per hour and day (`hours`, `hour_totals`, `reach_days`, `coverage`) and changes, in days.
    package var days: Int
    /// Sessions, in days after their last event.
    package var sessionDays: Int

    package init(days: Int = 400, sessionDays: Int = 90) {
        self.days = days
        self.sessionDays = sessionDays
    }
}
