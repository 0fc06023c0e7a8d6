// SPDX-License-Identifier: Apache-2.0

import Approvals
import Desk
import HTTPTypes
import Incidents
import JSONText
import Orders

extension Operation {
    private static let uuid = Schema.line(36)

    static let controls: [Operation] = [
        Operation(
            id: "listApprovals", method: .get, path: "/approvals", tag: "Approvals", permission: .read,
            summary: "Requests for approval, the latest first; kept for eight days after they are over.",
            parameters: [
                .query("state", .oneOf(ControlShapes.approvalStates)),
                .query("identity", .line(512), "Who asks, under any name."),
            ] + Parameter.page, answer: ControlShapes.approvals.schema
        ) { call in
            Reply(
                try await call.desk.controls(
                    .approval, states: call.text("state").map { [$0] }, identity: call.text("identity"),
                    after: call.cursor, limit: call.limit, for: call.actor), ControlShapes.approvals)
        },
        Operation(
            id: "getApproval", method: .get, path: "/approvals/{approval}", tag: "Approvals", permission: .read,
            summary: "A request with what persons said of it.",
            parameters: [.path("approval", "The id.", schema: uuid)],
            answer: ControlShapes.approval.schema
        ) { call in
            Reply(
                try await call.desk.control(.approval, call.path("approval"), for: call.actor), ControlShapes.approval)
        },
        Operation(
            id: "approve", method: .post, path: "/approvals/{approval}/approve", tag: "Approvals",
            permission: .decideApprovals, summary: "Approves a request; nobody approves their own.",
            description: "Where more persons are needed, it stays pending.",
            parameters: [.path("approval", "The id.", schema: uuid)],
            body: .object([
                .init("reason", .line(500)),
                .init(
                    "kind", .oneOf(ApprovalDecision.Kind.self), isRequired: false,
                    "One request, or any number of the same kind for a time.", standard: "once"),
                .init(
                    "lifetime_seconds", .integer(60...(ApprovalDecision.maximumValidity / 1000)), isRequired: false,
                    "How long it can be used.", standard: 3_600),
            ]), answer: ControlShapes.approval.schema, mayConflict: true, needsKafka: true
        ) { call in
            Reply(
                try await call.desk.decide(
                    call.path("approval"), .approve,
                    kind: call.body["kind"]?.text.flatMap(ApprovalDecision.Kind.init) ?? .once,
                    lifetime: (call.body["lifetime_seconds"]?.integer ?? 3_600) * 1_000, reason: call.sent("reason"),
                    by: call.actor), ControlShapes.approval)
        },
        Operation(
            id: "deny", method: .post, path: "/approvals/{approval}/deny", tag: "Approvals",
            permission: .decideApprovals, summary: "Denies a request, or takes an approval back.",
            parameters: [.path("approval", "The id.", schema: uuid)],
            body: .object([.init("reason", .line(500), "The requester reads it.")]),
            answer: ControlShapes.approval.schema, mayConflict: true, needsKafka: true
        ) { call in
            Reply(
                try await call.desk.decide(
                    call.path("approval"), .deny, reason: call.sent("reason"), by: call.actor), ControlShapes.approval)
        },
        Operation(
            id: "listOrders", method: .get, path: "/orders", tag: "Orders", permission: .read,
            summary: "Orders, the latest first; kept for eight days after they are over.",
            parameters: [
                .query("state", .oneOf(ControlShapes.orderStates), "`active` is in force."),
                .query("identity", .line(512), "On whom, under any name."),
            ] + Parameter.page, answer: ControlShapes.orders.schema
        ) { call in
            Reply(
                try await call.desk.controls(
                    .order, states: call.text("state").map { [$0] }, identity: call.text("identity"),
                    after: call.cursor, limit: call.limit, for: call.actor), ControlShapes.orders)
        },
        Operation(
            id: "getOrder", method: .get, path: "/orders/{order}", tag: "Orders", permission: .read,
            summary: "An order with who has lifted it.", parameters: [.path("order", "The id.", schema: uuid)],
            answer: ControlShapes.order.schema
        ) { call in
            Reply(try await call.desk.control(.order, call.path("order"), for: call.actor), ControlShapes.order)
        },
        Operation(
            id: "issueOrder", method: .post, path: "/orders", tag: "Orders", permission: .issueOrders,
            summary: "Issues an order. A lockdown is revoke_tokens and require_approval.",
            body: .object([
                .init(
                    "subject",
                    .object([
                        .init("type", .oneOf(Order.Subject.Kind.self)), .init("value", .line(Order.maximumName)),
                        .init(
                            "identity", .line(Order.maximumName), isRequired: false,
                            "Whose session or token it is, so that they cannot lift it."),
                    ])),
                .init("actions", .list(.oneOf(Order.Action.self), count: 1...3, isUnique: true)),
                .init("reason", .line(500)),
                .init("lifetime_seconds", .integer(60...(Order.maximumTTL / 1000))),
                .init(
                    "severity", .oneOf(Order.Severity.self), isRequired: false, "Two persons lift a critical one.",
                    standard: "high"),
                .init(
                    "connections", .list(.line(Order.maximumName), count: 0...Order.maximumList), isRequired: false,
                    "None means all.", standard: []),
                .init(
                    "operations", .list(.line(Order.maximumName), count: 0...Order.maximumList), isRequired: false,
                    "`vectors.export`, or a family: `config.*`. None means all; for require_approval, the sensitive ones.",
                    standard: []),
                .init("incident", .line(200), isRequired: false, "The incident to which it belongs."),
            ]), status: .created, answer: ControlShapes.order.schema, mayConflict: true, needsKafka: true
        ) { call in
            let subject = call.body["subject"] ?? .null
            return Reply(
                try await call.desk.issue(
                    OrderDraft(
                        actions: (call.body["actions"]?.texts ?? []).compactMap(Order.Action.init),
                        subject: .init(
                            type: subject["type"]?.text.flatMap(Order.Subject.Kind.init) ?? .identity,
                            value: subject["value"]?.text ?? "", identity: subject["identity"]?.text),
                        scope: .init(
                            connections: call.body["connections"]?.texts ?? [],
                            operations: call.body["operations"]?.texts ?? []), reason: call.sent("reason"),
                        severity: call.body["severity"]?.text.flatMap(Order.Severity.init) ?? .high,
                        lifetime: (call.body["lifetime_seconds"]?.integer ?? 0) * 1_000,
                        incident: call.body["incident"]?.text), by: call.actor), ControlShapes.order)
        },
        Operation(
            id: "liftOrder", method: .post, path: "/orders/{order}/lift", tag: "Orders", permission: .liftOrders,
            summary: "Ends an order before its time; a critical one with the second person. Nobody lifts their own.",
            parameters: [.path("order", "The id.", schema: uuid)], body: .object([.init("reason", .line(500))]),
            answer: ControlShapes.order.schema, mayConflict: true, needsKafka: true
        ) { call in
            Reply(
                try await call.desk.lift(call.path("order"), reason: call.sent("reason"), by: call.actor),
                ControlShapes.order)
        },
    ]
}
