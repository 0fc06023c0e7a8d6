// SPDX-License-Identifier: Apache-2.0

/// What a person is to the hub. Roles add up; each includes viewer.
package enum Role: String, Sendable, CaseIterable, Comparable {
    /// Reads all but the contents of recordings, and names in reports.
    case viewer
    /// Acts on incidents, silences alerts, reads and replays recordings.
    case analyst
    /// Decides requests for approval, issues and lifts orders.
    case approver
    /// Keeps deliveries running, makes API tokens, reads names in reports.
    case admin

    package static func < (a: Role, b: Role) -> Bool {
        (allCases.firstIndex(of: a) ?? 0) < (allCases.firstIndex(of: b) ?? 0)
    }
}

/// What can be allowed to a person.
package enum Permission: String, Sendable, CaseIterable {
    case read
    case actOnIncidents = "incidents.act"
    case silence = "silences.write"
    case readRecordings = "recordings.read"
    case decideApprovals = "approvals.decide"
    case issueOrders = "orders.issue"
    case liftOrders = "orders.lift"
    case manageDeliveries = "deliveries.manage"
    case manageTokens = "tokens.manage"
    case readNamedReports = "reports.named"

    /// The role that has it.
    package var role: Role {
        switch self {
        case .read: .viewer
        case .actOnIncidents, .silence, .readRecordings: .analyst
        case .decideApprovals, .issueOrders, .liftOrders: .approver
        case .manageDeliveries, .manageTokens, .readNamedReports: .admin
        }
    }

    /// What it is for, to stand behind "may not".
    package var words: String {
        switch self {
        case .read: "look at the hub"
        case .actOnIncidents: "act on incidents"
        case .silence: "silence alerts"
        case .readRecordings: "read what was recorded"
        case .decideApprovals: "decide requests for approval"
        case .issueOrders: "issue orders"
        case .liftOrders: "lift orders"
        case .manageDeliveries: "change deliveries"
        case .manageTokens: "make or revoke API tokens"
        case .readNamedReports: "read reports with names"
        }
    }
}
