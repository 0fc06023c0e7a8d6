// SPDX-License-Identifier: Apache-2.0

import Crypto

/// What a receiver is told of a group of alerts. Times are ms since the epoch, UTC.
package struct Notification: Sendable, Equatable {
    /// Whether something of the group still fires, and whether somebody took what does.
    package enum Status: String, Sendable {
        case firing, acknowledged, resolved
    }

    /// Why it is told, by Alertmanager's rule; it has no acknowledgements.
    package enum Reason: String, Sendable {
        case first
        case newAlerts = "new_alerts"
        case newResolved = "new_resolved"
        case allResolved = "all_resolved"
        case `repeat`
        case acknowledged
    }

    /// One alert of the group.
    package struct Alert: Sendable, Equatable {
        /// `finding_info.uid`.
        package var id: String
        package var labels: LabelSet
        package var startsAt: Int64
        /// Nil while it fires.
        package var endsAt: Int64?
        /// The OCSF finding as it came.
        package var finding: [UInt8]

        package init(id: String, labels: LabelSet, startsAt: Int64, endsAt: Int64? = nil, finding: [UInt8] = []) {
            self.id = id
            self.labels = labels
            self.startsAt = startsAt
            self.endsAt = endsAt
            self.finding = finding
        }
    }

    /// Unique, and the same however often it is delivered: a `webhook-id`, of `[a-z0-9_]`.
    package var id: String
    package var receiver: String
    package var status: Status
    package var reason: Reason
    /// As Alertmanager's: the route's matchers and the group's labels.
    package var groupKey: String
    package var groupLabels: LabelSet
    /// The labels that all `alerts` have.
    package var commonLabels: LabelSet
    /// Those that fire and those that are over, by `startsAt`; no more than ``RoutingLimits`` says.
    package var alerts: [Alert]
    /// Alerts of the group that are not in `alerts`.
    package var truncatedAlerts: Int
    /// When it was made.
    package var time: Int64

    /// The incident, where all its alerts belong to one.
    package var incident: String? {
        let incident = commonLabels["incident"]
        return incident.isEmpty ? nil : incident
    }

    package init(
        id: String, receiver: String, status: Status, reason: Reason, groupKey: String, groupLabels: LabelSet,
        alerts: [Alert], truncatedAlerts: Int, time: Int64
    ) {
        self.id = id
        self.receiver = receiver
        self.status = status
        self.reason = reason
        self.groupKey = groupKey
        self.groupLabels = groupLabels
        self.alerts = alerts
        self.truncatedAlerts = truncatedAlerts
        self.time = time
        commonLabels = alerts.dropFirst().reduce(alerts.first?.labels ?? LabelSet([])) { $0.common(with: $1.labels) }
    }

    /// From what the group is and how often it was told: the same for the same flush, never the same for another group or database.
    static func id(key: String, receiver: String, createdAt: Int64, group: Int64, sequence: Int64) -> String {
        var hash = SHA256()
        for part in [key, receiver, "\(createdAt)", "\(group)"] {
            hash.update(data: Array("\(part.utf8.count):\(part)".utf8))
        }
        let digits = hash.finalize().prefix(12).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
        return "ntf_\(digits.joined())_\(sequence)"
    }
}
