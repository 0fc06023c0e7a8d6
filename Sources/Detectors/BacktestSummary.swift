// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection

/// What a backtest read, what it could not read, and what it found.
package struct BacktestSummary: Sendable {
    /// The alerts of one rule.
    package struct Found: Sendable {
        package let rule: String
        /// Sigma's `status` of the rule.
        package let status: String
        package let level: String
        package internal(set) var alerts = 0
        /// Whom the alerts are about.
        package internal(set) var identities: Set<String> = []
    }

    /// Events that were taken.
    package internal(set) var events = 0
    /// Why events were not taken, and how many for each reason.
    package internal(set) var rejected: [String: Int] = [:]
    /// The first few, as `line 12: the event is not JSON: …`.
    package internal(set) var examples: [String] = []
    package internal(set) var withoutIdentity = 0
    /// Events without a time, which count as of the time of the event before them.
    package internal(set) var withoutTime = 0
    /// Lines of text that have no form that the mapping knows: events of which only the text is known.
    package internal(set) var unmatchedLines = 0
    /// Per rule name.
    package internal(set) var found: [String: Found] = [:]
    /// Hashes of the identities that the events are about.
    var identities: Set<UInt64> = []
    /// The earliest and the latest event, ms since the epoch; nil before the first.
    package internal(set) var span: ClosedRange<Int64>?

    /// How many identities the events are about.
    package var identityCount: Int { identities.count }
    package var rejectedCount: Int { rejected.values.reduce(0, +) }
    package var alertCount: Int { found.values.reduce(0) { $0 + $1.alerts } }
    /// The length of the log; a log shorter than a day counts as one.
    package var days: Double {
        max(1, span.map { Double($0.upperBound - $0.lowerBound) / 86_400_000 } ?? 1)
    }

    mutating func take(time: Int64, hasTime: Bool, identity: UInt64?) {
        events += 1
        if !hasTime { withoutTime += 1 }
        if let identity { identities.insert(identity) } else { withoutIdentity += 1 }
        guard let span else {
            self.span = time...time
            return
        }
        if !span.contains(time) { self.span = min(span.lowerBound, time)...max(span.upperBound, time) }
    }

    mutating func reject(_ error: EventError, _ place: @autoclosure () -> String) {
        rejected[error.code, default: 0] += 1
        if examples.count < 10 { examples.append("\(place()): \(error)") }
    }

    mutating func count(_ alert: Alert) {
        var entry = found[alert.ruleName] ?? Found(rule: alert.ruleName, status: alert.status, level: alert.level)
        entry.alerts += 1
        if let identity = alert.identity { entry.identities.insert(identity) }
        found[alert.ruleName] = entry
    }
}
