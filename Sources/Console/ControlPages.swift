// SPDX-License-Identifier: Apache-2.0

import Approvals
import Desk
import HTTPTypes
import Hummingbird
import Incidents
import Orders
import Paging
import Web

extension Console {
    struct ApprovalsPage: Sendable {
        let obstacle: String?
        let pending: [ControlRow]
        let controls: [ControlRow]
        let pager: Pager?
    }

    struct OrdersPage: Sendable {
        struct Draft: Sendable {
            let subject: String?
            let reason: String?
            let incident: String?
        }

        let obstacle: String?
        let active: [ControlRow]
        let types: [Choice]
        let draft: Draft
        let controls: [ControlRow]
        let pager: Pager?
    }

    private static let openStates: [ControlRecord.Kind: [String]] = [
        .approval: ["pending"], .order: ["active", "observed"],
    ]
    private static let overStates: [ControlRecord.Kind: [String]] = [
        .approval: ["approved", "denied", "used", "expired"], .order: ["lifted", "superseded", "expired"],
    ]

    /// What is open and what is over, of one kind.
    private func controls(
        _ kind: ControlRecord.Kind, _ request: Request, _ context: WebContext
    ) async throws -> (open: [ControlRow], over: [ControlRow], pager: Pager?) {
        let actor = try context.actor
        let cursor = try request.query()["cursor"]
        let now = now()
        let open = try await desk.controls(kind, states: Self.openStates[kind], limit: 200, for: actor)
            .items.map { ControlRow($0, now: now) }
        let over = try await desk.controls(
            kind, states: Self.overStates[kind], after: cursor, limit: 50, for: actor)
        let path = kind == .order ? "/orders" : "/approvals"
        return (
            open.filter(\.isOpen), over.items.map { ControlRow($0, now: now) },
            Pager(path: path, query: [], cursor: cursor, next: over.next)
        )
    }

    /// `/approvals`, and deciding.
    func addApprovals(to router: Router<WebContext>) {
        router.get("approvals") { request, context in try await approvals(request, context) }
        router.post("approvals/:id") { request, context in
            let id = try context.part("id")
            let form = context.form
            let verdict = form?["verdict"]
            return try await act(
                done: verdict == "deny" ? "denied" : "approved", next: "/approvals",
                again: { try await approvals(request, context, notice: $0, status: $1) }
            ) {
                let reason = try (form ?? FormFields("")).required("reason", "why: it is kept in the evidence")
                guard let verdict, ["once", "window", "deny"].contains(verdict) else {
                    throw WebFault.invalid("verdict", "Choose one of the buttons.")
                }
                _ = try await desk.decide(
                    id, verdict == "deny" ? .deny : .approve, kind: verdict == "window" ? .window : .once,
                    lifetime: try Self.lifetime(form), reason: reason, by: try context.actor)
            }
        }
    }

    private func approvals(
        _ request: Request, _ context: WebContext, notice: Notice? = nil, status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        let found = try await controls(.approval, request, context)
        return try await page(
            "Approvals", "approvals",
            ApprovalsPage(
                obstacle: try obstacle(.decideApprovals, context), pending: found.open, controls: found.over,
                pager: found.pager), request, context, notice: notice, status: status)
    }

    /// Why the hub can do nothing of this for anybody; said only to those who may.
    private func obstacle(_ permission: Permission, _ context: WebContext) throws -> String? {
        guard try context.actor.may(permission), let text = desk.obstacle(to: permission) else { return nil }
        return WebFault(DeskError.refused(text)).detail
    }

    private static func lifetime(_ form: FormFields?) throws -> Int64 {
        guard let text = form?["lifetime"], let lifetime = Int64(text) else {
            throw WebFault.invalid("lifetime", "Say for how long.")
        }
        return lifetime
    }

    /// `/orders`, issuing and lifting.
    func addOrders(to router: Router<WebContext>) {
        router.get("orders") { request, context in
            let query = try request.query()
            return try await orders(
                request, context,
                draft: .init(subject: query["subject"], reason: nil, incident: query["incident"]))
        }
        router.post("orders") { request, context in
            let form = context.form
            return try await act(
                done: "issued", next: "/orders",
                again: { notice, status in
                    try await orders(
                        request, context,
                        draft: .init(
                            subject: form?["subject"], reason: form?["reason"], incident: form?["incident"]),
                        type: form?["type"], notice: notice, status: status)
                }
            ) { _ = try await desk.issue(try Self.draft(form ?? FormFields("")), by: try context.actor) }
        }
        router.post("orders/:id/lift") { request, context in
            let id = try context.part("id")
            let form = context.form
            return try await act(
                done: "lifted", next: "/orders",
                again: { notice, status in
                    try await orders(
                        request, context, draft: .init(subject: nil, reason: nil, incident: nil), notice: notice,
                        status: status)
                }
            ) {
                let reason = try (form ?? FormFields("")).required("reason", "why: it is kept in the evidence")
                _ = try await desk.lift(id, reason: reason, by: try context.actor)
            }
        }
    }

    private static func draft(_ form: FormFields) throws -> OrderDraft {
        let actions: [Order.Action]
        switch form["what"] {
        case "lockdown": actions = [.requireApproval, .revokeTokens]
        case let text?:
            guard let action = Order.Action(rawValue: text) else {
                throw WebFault.invalid("what", "Choose what is to happen.")
            }
            actions = [action]
        case nil: throw WebFault.invalid("what", "Choose what is to happen.")
        }
        func names(_ field: String) -> [String] {
            (form[field] ?? "").split { $0 == "," || $0.isWhitespace }.map { String($0) }
        }
        return OrderDraft(
            actions: actions,
            subject: .init(
                type: form["type"].flatMap(Order.Subject.Kind.init) ?? .identity,
                value: try form.required("subject", "whom the order is on")),
            scope: .init(connections: names("connections"), operations: names("operations")),
            reason: try form.required("reason", "why: whoever meets the order reads it"),
            severity: form["critical"] == nil ? .high : .critical, lifetime: try lifetime(form),
            incident: form["incident"])
    }

    private func orders(
        _ request: Request, _ context: WebContext, draft: OrdersPage.Draft, type: String? = nil,
        notice: Notice? = nil, status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        let found = try await controls(.order, request, context)
        return try await page(
            "Orders", "orders",
            OrdersPage(
                obstacle: try obstacle(.issueOrders, context), active: found.open,
                types: Choice.list(
                    [
                        ("identity", "identity"), ("service_account", "service account"), ("session", "session"),
                        ("token", "token"),
                    ], chosen: type ?? "identity"),
                draft: draft, controls: found.over, pager: found.pager), request, context, notice: notice,
            status: status)
    }
}
