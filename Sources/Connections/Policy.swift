// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Calendar

/// What the callers of one connection may do. Immutable: a changed file is a new policy, which the next request meets.
package struct Policy: Sendable {
    /// Which groups may reach the namespaces that a glob names.
    struct Scope: Sendable {
        /// Nil: every namespace that no glob before matches, and requests without one.
        let glob: Glob?
        /// Nil: everyone.
        let groups: [String]?
    }

    /// Bounds of one request; nil for none.
    package struct Limits: Sendable, Equatable {
        /// UTF-8 bytes of the longest text input.
        package var queryLength: Int?
        package var items: Int?
        /// Bytes of the body, as sent and as inflated. The gateway cuts a body of unknown length there.
        package var requestBytes: Int?
    }

    struct Approval: Sendable {
        let name: String
        let items: Int?
        let operations: [Operation]
        let needed: Int
        let approvers: [String]
    }

    struct Justification: Sendable {
        let operations: [Operation]
        let header: String
        /// Characters.
        let minimumLength: Int
    }

    struct Window: Sendable {
        enum Outside: String, Sendable, CaseIterable {
            case deny, approval
        }

        let calendar: ICalendar
        let operations: [Operation]
        let outside: Outside
        let changeHeader: String
        let requiresChange: Bool
        let needed: Int
        let approvers: [String]
    }

    /// Bytes of a body that is read, where `limits.request_bytes` says nothing.
    package static let defaultInspectedBytes = 16 << 20

    /// The connection's.
    let name: String
    var scopes: [Scope] = []
    package internal(set) var blockedPatterns: [BlockedPattern] = []
    package internal(set) var limits = Limits()
    var approvals: [Approval] = []
    var justification: Justification?
    var window: Window?

    /// Bytes of a body that is read, at most.
    var inspectedBytes: Int { limits.requestBytes ?? Self.defaultInspectedBytes }

    /// The header (lower case) whose value justifies a request; nil when nothing asks for one. It is not passed
    /// upstream.
    package var justificationHeader: String? { justification?.header }
    /// The header (lower case) that names the change ticket of a request. It is not passed upstream.
    package var changeHeader: String { window?.changeHeader ?? "x-change-id" }

    /// Decides about a request in the order of DESIGN §6: namespace scope, blocked patterns, limits, approval
    /// thresholds, justification, deployment window. The first rule that does not let it pass decides.
    ///
    /// - Parameter now: milliseconds since the epoch.
    package func evaluate(
        _ match: OperationMatch, _ facts: RequestFacts, caller: PolicyCaller, now: Int64
    ) -> Decision {
        scope(match, facts, caller) ?? blocked(facts) ?? limit(facts) ?? approval(facts, caller)
            ?? justify(facts, caller) ?? window(facts, caller, now) ?? .allow(policy: name)
    }

    private func deny(_ rule: String, _ detail: String, status: Int = 403) -> Decision {
        .deny(Decision.Denial(policy: "\(name)/\(rule)", detail: detail, status: status))
    }

    private func scope(_ match: OperationMatch, _ facts: RequestFacts, _ caller: PolicyCaller) -> Decision? {
        guard !scopes.isEmpty else { return nil }
        if facts.namespaces.isEmpty {
            // Health checks reach nothing. Anything else that names no namespace may reach all of them.
            if facts.operation == .other, match.isMapped { return nil }
            return isAllowed(nil, caller)
                ? nil : deny("namespaces", "The request names no namespace that your groups may use.")
        }
        for namespace in facts.namespaces where !isAllowed(namespace, caller) {
            return deny(
                "namespaces", "The namespace '\(RequestRefusal.shown(namespace))' is not open to any of your groups.")
        }
        return nil
    }

    private func isAllowed(_ namespace: String?, _ caller: PolicyCaller) -> Bool {
        let scope = scopes.first { scope in
            guard let glob = scope.glob else { return true }
            return namespace.map(glob.matches) ?? false
        }
        guard let scope else { return false }
        return scope.groups.map { groups in groups.contains { caller.groups.contains($0) } } ?? true
    }

    private func blocked(_ facts: RequestFacts) -> Decision? {
        guard let hit = facts.blocked else { return nil }
        return deny(
            "blocked_patterns/\(hit.name)",
            hit.isCertain
                ? "The request holds what the pattern '\(hit.name)' blocks."
                : "The request could not be searched for the blocked pattern '\(hit.name)' within its limits. Send "
                    + "less text at a time.")
    }

    private func limit(_ facts: RequestFacts) -> Decision? {
        if let limit = limits.requestBytes,
            let bytes = [facts.contentLength, facts.decodedLength].compactMap(\.self).max(),
            bytes > limit
        {
            return deny("limits", "The body is larger than \(limit) bytes.", status: 413)
        }
        if let limit = limits.queryLength, let length = facts.queryLength, length > limit {
            return deny(
                "limits", "A text of the request is \(length) bytes; at most \(limit) are allowed.", status: 422)
        }
        if let limit = limits.items, let items = facts.items, items > limit {
            return deny(
                "limits",
                items == Int.max
                    ? "The request asks for everything; at most \(limit) items are allowed. Give a limit."
                    : "The request asks for \(items) items; at most \(limit) are allowed.", status: 422)
        }
        return nil
    }

    private func approval(_ facts: RequestFacts, _ caller: PolicyCaller) -> Decision? {
        guard !caller.isApproved else { return nil }
        for rule in approvals {
            guard rule.operations.isEmpty || rule.operations.contains(facts.operation) || rule.items != nil else {
                continue
            }
            var reason: String?
            if rule.operations.contains(facts.operation) {
                reason = "The operation \(facts.operation.rawValue) needs an approval."
            } else if let limit = rule.items, let items = facts.items, items > limit {
                reason =
                    items == Int.max
                    ? "A request for everything needs an approval: give a limit of at most \(limit), or ask for it."
                    : "A request for \(items) items needs an approval: more than \(limit)."
            }
            guard let reason else { continue }
            return .needsApproval(
                Decision.ApprovalDemand(
                    policy: "\(name)/\(rule.name)", detail: reason, needed: rule.needed, approvers: rule.approvers))
        }
        return nil
    }

    private func justify(_ facts: RequestFacts, _ caller: PolicyCaller) -> Decision? {
        guard let rule = justification, rule.operations.contains(facts.operation) else { return nil }
        let length = caller.justification?.trimmed.count ?? 0
        guard length < max(1, rule.minimumLength) else { return nil }
        return deny(
            "justification",
            "The operation \(facts.operation.rawValue) needs a reason: send the header '\(rule.header)' with at least "
                + "\(max(1, rule.minimumLength)) characters.")
    }

    private func window(_ facts: RequestFacts, _ caller: PolicyCaller, _ now: Int64) -> Decision? {
        guard let rule = window, rule.operations.contains(facts.operation) else { return nil }
        if rule.requiresChange, caller.changeID?.trimmed.isEmpty ?? true {
            return deny(
                "deployment_window",
                "A configuration change needs a change ticket: send the header '\(rule.changeHeader)'.")
        }
        guard !rule.calendar.contains(now), !caller.isApproved else { return nil }
        let freeze = rule.calendar.freeze(containing: now).map { " ('\(RequestRefusal.shown($0.summary))')" }
        let detail =
            freeze.map { "There is a freeze now\($0)." } ?? "It is outside of the deployment windows now."
        switch rule.outside {
        case .deny: return deny("deployment_window", detail)
        case .approval:
            return .needsApproval(
                Decision.ApprovalDemand(
                    policy: "\(name)/deployment_window", detail: detail, needed: rule.needed, approvers: rule.approvers)
            )
        }
    }
}
