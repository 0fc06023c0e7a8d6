// SPDX-License-Identifier: Apache-2.0

/// A node of the routing tree with everything that it inherits, by Alertmanager's rules: the receiver, `group_by` and the three times
/// pass to the children, mute and active times do not.
package struct Route: Sendable {
    /// By which labels alerts are put together.
    package enum Grouping: Sendable, Equatable {
        case labels([String])
        /// `['...']`: by all labels.
        case all
    }

    /// Where it stands: the numbers of the children from the root, as `0/2/1`.
    package let id: String
    /// The matchers from the root on, as `{}/{severity="critical"}`: it stays when routes are put in another order, so a group does too.
    package let key: String
    package let matchers: [Matcher]
    package let receiver: String
    package let grouping: Grouping
    /// From a group's first alert to its first notification, ms.
    package let groupWait: Int64
    /// Between two notifications of a group, ms.
    package let groupInterval: Int64
    /// When a group of which nothing changed is told again, ms; nil for never.
    package let repeatInterval: Int64?
    package let continues: Bool
    /// Names of time intervals.
    package let muteTimeIntervals: [String]
    package let activeTimeIntervals: [String]
    package let routes: [Route]

    /// The routes that take an alert: the deepest of the first child that matches, and of those behind one that continues; else this one.
    package func match(_ labels: LabelSet) -> [Route] {
        matchers.match(labels) ? taken(labels) : []
    }

    private func taken(_ labels: LabelSet) -> [Route] {
        var all: [Route] = []
        for route in routes {
            let matched = route.match(labels)
            all += matched
            if !matched.isEmpty, !route.continues { break }
        }
        return all.isEmpty ? [self] : all
    }

    /// The labels of the group that an alert belongs to.
    package func groupLabels(_ labels: LabelSet) -> LabelSet {
        switch grouping {
        case .labels(let names): labels.only(names)
        case .all: labels
        }
    }

    /// `{}/{severity="critical"}:{incident="…"}`, as Alertmanager's group keys read.
    package func groupKey(_ groupLabels: LabelSet) -> String { "\(key):\(groupLabels)" }

    /// This route and all below, depth first.
    package var all: [Route] { [self] + routes.flatMap(\.all) }
}
