// SPDX-License-Identifier: Apache-2.0

/// For a while, alerts that answer its matchers are not told. Times are ms since the epoch, UTC.
package struct Silence: Sendable, Equatable {
    /// Where it is in its life.
    package enum State: String, Sendable, CaseIterable {
        case pending, active, expired
    }

    package let id: String
    package let matchers: [Matcher]
    package let startsAt: Int64
    /// No longer included.
    package let endsAt: Int64
    package let createdBy: String
    package let comment: String

    package func state(at now: Int64) -> State {
        now < startsAt ? .pending : now < endsAt ? .active : .expired
    }

    package init(
        id: String, matchers: [Matcher], startsAt: Int64, endsAt: Int64, createdBy: String, comment: String
    ) {
        self.id = id
        self.matchers = matchers
        self.startsAt = startsAt
        self.endsAt = endsAt
        self.createdBy = createdBy
        self.comment = comment
    }
}

/// A silence that cannot be made, changed or ended: a sentence for whoever asked.
package struct SilenceError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String
    /// There is no silence of that id.
    package let isUnknown: Bool

    init(_ description: String, isUnknown: Bool = false) {
        self.description = description
        self.isUnknown = isUnknown
    }
}
