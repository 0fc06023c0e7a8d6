// SPDX-License-Identifier: Apache-2.0

import Approvals
import Incidents
import Orders

/// How orders and requests for approval are written.
enum ControlShapes {
    static let orderStates = ["active", "observed", "lifted", "superseded", "expired"]
    static let approvalStates = ["pending", "approved", "denied", "used", "expired"]

    static let word = Shape<ControlRecord.Word>(
        "Word",
        [
            .text("by") { $0.by }, .time("at") { $0.at }, .text("reason") { $0.reason },
            .maybe("verdict", schema: .oneOf(ApprovalDecision.Verdict.self), text: { $0.verdict }),
            .maybe("kind", schema: .oneOf(ApprovalDecision.Kind.self), text: { $0.kind }),
            .maybe("valid_until", integer: { $0.until }),
        ])

    static let subject = Shape<Order.Subject>(
        "OrderSubject",
        [
            .text("type", schema: .oneOf(Order.Subject.Kind.self)) { $0.type.rawValue }, .text("value") { $0.value },
            .maybe("identity", "Whose session or token it is.", text: { $0.identity }),
        ])

    private static func common(_ states: [String], at: String, until: String) -> [Shape<ControlRecord>.Member] {
        [
            .text("id") { $0.id }, .text("state", schema: .oneOf(states)) { $0.state },
            .maybe("incident", text: { $0.incident }), .time(at) { $0.at }, .time(until) { $0.until },
            .text("text", "In a line, for people.") { $0.text },
            .count("needed", "Persons that it takes.") { $0.needed },
            .list("words", word, "What persons said, the earliest first.") { $0.words },
        ]
    }

    static let order = Shape<ControlRecord>(
        "Order",
        common(orderStates, at: "issued_at", until: "expires_at") + [
            .text("issuer") { $0.who }, .maybe("subject", subject) { $0.order?.subject },
            .texts("actions", schema: .oneOf(Order.Action.self)) { $0.order?.actions.map(\.rawValue) ?? [] },
            .texts("connections", "None means all.") { $0.order?.scope.connections ?? [] },
            .texts("operations", "None means all; for require_approval, the sensitive ones.") {
                $0.order?.scope.operations ?? []
            },
            .maybe("reason", text: { $0.order?.reason }),
            .maybe("severity", schema: .oneOf(Order.Severity.self), text: { $0.order?.severity.rawValue }),
            .maybe("alert", text: { $0.order?.alertUID }), .maybe("rule", text: { $0.order?.rule }),
        ])
    static let orders = Shape.page("OrderPage", order)

    static let approval = Shape<ControlRecord>(
        "Approval",
        common(approvalStates, at: "created_at", until: "expires_at") + [
            .text("requester") { $0.who }, .maybe("connection", text: { $0.request?.connection }),
            .maybe("operation", text: { $0.request?.operation }),
            .texts("resources") { $0.request?.resources ?? [] },
            .maybe("access_class", text: { $0.request?.accessClass }), .maybe("policy", text: { $0.request?.policy }),
            .maybe("reason", "Why an approval is needed.", text: { $0.request?.reason }),
            .maybe("justification", "What the requester says why.", text: { $0.request?.justification }),
            .maybe("items", "How many are asked for; 9223372036854775807 is all.", integer: { $0.request?.items }),
            .maybe("bytes", integer: { $0.request?.bytes }),
            .texts("approvers", "Identities, keys or groups; none means every approver.") {
                $0.request?.approvers ?? []
            },
        ])
    static let approvals = Shape.page("ApprovalPage", approval)
}
