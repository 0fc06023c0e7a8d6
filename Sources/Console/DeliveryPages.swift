// SPDX-License-Identifier: Apache-2.0

import Delivery
import Desk
import HTTPTypes
import Hummingbird
import Incidents
import Notifications
import Paging
import Telemetry
import Web

extension Console {
    struct DeliveriesPage: Sendable {
        struct Target: Sendable {
            let name: String
            let endpoint: String
            let state: StateText
            let pending: String
            let dead: String
            let success: TimeText?
            let error: String?
            let isDisabled: Bool
        }

        struct Row: Sendable {
            let id: String
            let message: String
            let target: String
            let state: StateText
            let isDead: Bool
            let attempts: String
            let answer: String?
            let made: TimeText
            let next: TimeText?
        }

        struct Outcome: Sendable {
            let kind: String
            let target: String
            let endpoint: String
            let text: String
        }

        let targets: [Target]
        let receivers: [String]
        let trials: [Outcome]
        let states: [Choice]
        let target: String?
        let heading: String
        let deliveries: [Row]
        let hasDead: Bool
        let pager: Pager?
    }

    struct HealthPage: Sendable {
        struct Check: Sendable {
            let name: String
            let detail: String
            let state: StateText
        }

        let state: StateText
        let checks: [Check]
    }

    /// `/deliveries` with replay, enabling and tests; `/health`.
    func addDeliveries(to router: Router<WebContext>) {
        router.get("deliveries") { request, context in try await deliveries(request, context) }
        router.post("deliveries/:action") { request, context in
            let (form, actor) = (context.form, try context.actor)
            func again(_ notice: Notice, _ status: HTTPResponse.Status) async throws -> Response {
                try await deliveries(request, context, notice: notice, status: status)
            }
            switch try context.part("action") {
            case "enable":
                return try await act(done: "enabled", next: "/deliveries", again: again) {
                    let name = try (form ?? FormFields("")).required("target", "which target")
                    _ = try await desk.enableTarget(name, by: actor)
                }
            case "replay":
                return try await act(done: "replayed", next: "/deliveries", again: again) {
                    let ids = form?.all("id").compactMap { Int64($0) } ?? []
                    guard !ids.isEmpty else { throw WebFault.invalid("id", "Choose deliveries to send again.") }
                    _ = try await desk.replay(ReplaySelection(ids: ids), by: actor)
                }
            case "test":
                do {
                    let name = try (form ?? FormFields("")).required("receiver", "which receiver")
                    let trials = try await desk.testReceiver(name, by: actor)
                    return try await deliveries(request, context, trials: trials)
                } catch let error as DeskError {
                    if case .forbidden = error { throw error }
                    return try await again(.bad(WebFault(error)), WebFault(error).status)
                }
            default: throw WebFault.notFound()
            }
        }
        router.get("health") { request, context in
            let report = try desk.health(for: try context.actor)
            return try await page(
                "Health", "health",
                HealthPage(
                    state: StateText(report.isHealthy ? "ok" : "failing"),
                    checks: report.checks.map {
                        HealthPage.Check(
                            name: $0.name, detail: $0.detail, state: StateText($0.healthy ? "ok" : "failing"))
                    }), request, context)
        }
    }

    private func deliveries(
        _ request: Request, _ context: WebContext, trials: [Trial] = [], notice: Notice? = nil,
        status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        let query = try request.query()
        let actor = try context.actor
        let now = now()
        let state = query["state"].flatMap(Delivery.State.init)
        let found = try await desk.deliveries(
            target: query["target"], state: state, after: query["cursor"], limit: 50, for: actor)
        let rows = found.items.map { delivery in
            DeliveriesPage.Row(
                id: "\(delivery.id)", message: delivery.messageID, target: delivery.target,
                state: StateText(delivery.state.rawValue), isDead: delivery.state == .dead,
                attempts: Words.count(delivery.attempts),
                answer: [delivery.lastStatus.map { "\($0)" }, delivery.lastError].compactMap { $0 }
                    .joined(separator: " ").nonEmpty, made: TimeText(delivery.createdAt, now: now),
                next: delivery.nextAttemptAt.map { TimeText($0, now: now) })
        }
        return try await page(
            "Deliveries", "deliveries",
            DeliveriesPage(
                targets: try await desk.targets(for: actor).map { Self.target($0, now: now) },
                receivers: try desk.receivers(for: actor), trials: trials.map(Self.outcome),
                states: Choice.list(
                    [("", "any")] + Delivery.State.allCases.map { ($0.rawValue, $0.rawValue) },
                    chosen: query["state"] ?? ""),
                target: query["target"], heading: state == .dead ? "Dead letters" : "Latest", deliveries: rows,
                hasDead: rows.contains(where: \.isDead),
                pager: Pager(
                    path: "/deliveries", query: [("state", query["state"]), ("target", query["target"])],
                    cursor: query["cursor"], next: found.next)), request, context, notice: notice, status: status)
    }

    private static func target(_ target: TargetHealth, now: Int64) -> DeliveriesPage.Target {
        let isHeld = (target.heldUntil ?? 0) > now
        let state =
            target.disabledReason != nil
            ? "disabled" : target.failuresInARow > 0 ? "failing" : isHeld ? "held" : "ok"
        return DeliveriesPage.Target(
            name: target.name, endpoint: target.endpoint, state: StateText(state), pending: Words.count(target.pending),
            dead: Words.count(target.dead), success: target.lastSuccessAt.map { TimeText($0, now: now) },
            error: target.disabledReason ?? target.lastError, isDisabled: target.disabledReason != nil)
    }

    private static func outcome(_ trial: Trial) -> DeliveriesPage.Outcome {
        var kind = "bad"
        let text: String
        switch trial.attempt {
        case .delivered:
            kind = "good"
            text = "taken"
        default: text = "\(trial.attempt)"
        }
        return DeliveriesPage.Outcome(kind: kind, target: trial.target, endpoint: trial.endpoint, text: text)
    }
}

extension String {
    /// Nil for a text that is empty: sections of a template are shown for any text.
    var nonEmpty: String? { isEmpty ? nil : self }
}
