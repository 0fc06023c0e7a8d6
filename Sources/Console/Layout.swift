// SPDX-License-Identifier: Apache-2.0

import Desk
import Web

/// What stands around every page.
struct Layout: Sendable {
    struct NavItem: Sendable {
        let label: String
        let url: String
        let isCurrent: Bool
        let badge: String?
    }

    struct NavGroup: Sendable {
        let name: String
        let items: [NavItem]
    }

    struct Person: Sendable {
        let name: String
        let roles: String
        let csrf: String
        let nav: [NavGroup]
    }

    let title: String
    let version: String
    let person: Person?
    let notice: Notice?
    let now: TimeText
    let body: String

    private static let groups: [(String, [(String, String)])] = [
        ("Now", [("Overview", "/"), ("Incidents", "/incidents"), ("Approvals", "/approvals"), ("Orders", "/orders")]),
        (
            "Look",
            [
                ("Identities", "/identities"), ("Recordings", "/recordings"), ("Evidence", "/evidence"),
                ("Report", "/report"),
            ]
        ),
        ("Tune", [("Detectors", "/detectors"), ("Silences", "/silences"), ("Deliveries", "/deliveries")]),
        ("Hub", [("Health", "/health"), ("API tokens", "/tokens")]),
    ]

    /// The list of pages.
    ///
    /// - Parameters:
    ///   - path: of the page that is shown.
    ///   - pending: requests that wait for an approval.
    static func nav(path: String, actor: Actor, pending: Int) -> [NavGroup] {
        groups.map { name, items in
            NavGroup(
                name: name,
                items: items.filter { $0.1 != "/tokens" || actor.may(.manageTokens) }.map { label, url in
                    NavItem(
                        label: label, url: url, isCurrent: url == "/" ? path == "/" : isPage(path, under: url),
                        badge: url == "/approvals" && pending > 0 ? (pending > 99 ? "99+" : String(pending)) : nil)
                })
        }
    }

    private static func isPage(_ path: String, under url: String) -> Bool {
        path == url || path.hasPrefix(url + "/") || url == "/incidents" && path.hasPrefix("/alerts/")
    }
}

/// What every page's template can use beside its own values.
struct Frame: Sendable {
    /// What the person may, for forms that only some can send.
    struct Can: Sendable {
        let act: Bool
        let silence: Bool
        let record: Bool
        let decide: Bool
        let issue: Bool
        let lift: Bool
        let deliver: Bool
        let tokens: Bool
        let named: Bool

        init(_ actor: Actor?) {
            func may(_ permission: Permission) -> Bool { actor?.may(permission) ?? false }
            act = may(.actOnIncidents)
            silence = may(.silence)
            record = may(.readRecordings)
            decide = may(.decideApprovals)
            issue = may(.issueOrders)
            lift = may(.liftOrders)
            deliver = may(.manageDeliveries)
            tokens = may(.manageTokens)
            named = may(.readNamedReports)
        }
    }

    let csrf: String?
    let me: String?
    let can: Can
    let page: any Sendable
}
