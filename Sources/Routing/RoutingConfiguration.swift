// SPDX-License-Identifier: Apache-2.0

import Crypto

/// The tree of routes and what holds alerts back.
package struct RoutingConfiguration: Sendable {
    /// The root of the tree.
    package let route: Route
    package let inhibitRules: [InhibitRule]
    package let timeIntervals: [TimeInterval]
    /// The receivers that want to hear of alerts that are over.
    package let resolvedTo: Set<String>
    /// An incident without a new alert for so long counts as over, ms, if nobody resolved it before.
    package let resolveTimeout: Int64

    /// A day, after which the detectors begin another incident.
    package static let standardResolveTimeout: Int64 = 86_400_000

    /// Without a tree in the configuration: every alert at once, by itself and one time, to one receiver.
    package static func eachAlert(to receiver: String) -> RoutingConfiguration {
        RoutingConfiguration(
            route: Route(
                id: "0", key: "{}", matchers: [], receiver: receiver, grouping: .labels(["alert"]), groupWait: 0,
                groupInterval: 300_000, repeatInterval: nil, continues: false, muteTimeIntervals: [],
                activeTimeIntervals: [], routes: []),
            inhibitRules: [], timeIntervals: [], resolvedTo: [], resolveTimeout: standardResolveTimeout)
    }

    /// Names of the time intervals that mute a route now: its mute times that are on, or all its active times if none is.
    package func muting(_ route: Route, at now: Int64) -> [String] {
        func isOn(_ name: String) -> Bool { timeIntervals.first { $0.name == name }?.contains(now) ?? false }
        if !route.activeTimeIntervals.isEmpty, !route.activeTimeIntervals.contains(where: isOn) {
            return route.activeTimeIntervals
        }
        return route.muteTimeIntervals.filter(isOn)
    }

    /// Changes when alerts would be put into other groups or held back by other rules.
    var fingerprint: String {
        var text = ""
        for route in route.all {
            text += "\(route.id)\n\(route.key)\n\(route.receiver)\n\(route.grouping)\n\(route.continues)\n"
        }
        for rule in inhibitRules { text += "\(rule.sourceMatchers.text)\n\(rule.targetMatchers.text)\n\(rule.equal)\n" }
        return SHA256.hash(data: Array(text.utf8)).map { String($0, radix: 16) }.joined(separator: ".")
    }
}

/// A receiver that the configuration names.
package struct KnownReceiver: Sendable, Hashable {
    package let name: String
    /// Whether something behind it wants to hear of alerts that are over (`send_resolved`).
    package let sendsResolved: Bool

    package init(name: String, sendsResolved: Bool = true) {
        self.name = name
        self.sendsResolved = sendsResolved
    }
}
