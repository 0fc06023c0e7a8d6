// SPDX-License-Identifier: Apache-2.0

import Delivery
import Desk
import Finding
import Hub
import Incidents
import Notifications
import Routing
import Signing
import Telemetry

/// How the rest of the hub is written.
enum HubShapes {
    // MARK: Silences

    /// A silence and when it is looked at.
    typealias SilenceNow = (silence: Silence, now: Int64)
    static let silence = Shape<SilenceNow>(
        "Silence",
        [
            .text("id") { $0.silence.id },
            .text("state", schema: .oneOf(Silence.State.self)) { $0.silence.state(at: $0.now).rawValue },
            .text("matchers", "As Alertmanager writes them.") { $0.silence.matchers.text },
            .time("starts_at") { $0.silence.startsAt }, .time("ends_at") { $0.silence.endsAt },
            .text("created_by") { $0.silence.createdBy }, .text("comment") { $0.silence.comment },
        ])
    static let silences = Shape.page("SilencePage", silence)

    // MARK: Deliveries

    static let delivery = Shape<Delivery>(
        "Delivery",
        [
            .integer("id") { $0.id }, .text("message_id", "The `webhook-id`.") { $0.messageID },
            .text("target") { $0.target }, .text("ordering_key") { $0.orderingKey },
            .text("state", schema: .oneOf(Delivery.State.self)) { $0.state.rawValue },
            .count("attempts") { $0.attempts }, .maybe("next_attempt_at", integer: { $0.nextAttemptAt }),
            .maybe("last_status", integer: { $0.lastStatus.map(Int64.init) }),
            .maybe("last_error", text: { $0.lastError }), .time("created_at") { $0.createdAt },
            .time("updated_at") { $0.updatedAt },
        ])
    static let deliveries = Shape.page("DeliveryPage", delivery)

    static let target = Shape<TargetHealth>(
        "Target",
        [
            .text("name") { $0.name }, .text("endpoint", "Scheme, host and port.") { $0.endpoint },
            .flag("healthy") { $0.isHealthy }, .maybe("disabled_reason", text: { $0.disabledReason }),
            .maybe("last_success_at", integer: { $0.lastSuccessAt }), .count("failures_in_a_row") { $0.failuresInARow },
            .maybe("last_error", text: { $0.lastError }), .maybe("held_until", integer: { $0.heldUntil }),
            .count("pending") { $0.pending }, .count("dead") { $0.dead },
            .maybe("oldest_pending_at", integer: { $0.oldestPendingAt }),
        ])
    static let targets = Shape<[TargetHealth]>("Targets", [.list("items", target) { $0 }])
    static let receivers = Shape<[String]>("Receivers", [.texts("items", "Names.") { $0 }])
    /// How many deliveries an act touched.
    static let touched = Shape<Int>("Touched", [.count("deliveries", "That are pending again.") { $0 }])
    static let trial = Shape<Trial>(
        "Trial",
        [
            .text("target") { $0.target }, .text("endpoint") { $0.endpoint },
            .flag("delivered") { $0.attempt.isDelivered }, .text("result") { $0.attempt.description },
        ])
    static let trials = Shape<[Trial]>("Trials", [.list("items", trial) { $0 }])

    // MARK: Detectors

    static let precision = Shape<RulePrecision>(
        "Precision",
        [
            .count("true_alerts") { $0.trueAlerts }, .count("false_alerts") { $0.falseAlerts },
            .count("benign_alerts") { $0.benignAlerts },
            .number("precision", "The share of the judged alerts that was not false.") { $0.precision },
        ])
    private static let summary: [Shape<DetectorState>.Member] = [
        .text("id", "As in its alerts.") { $0.id }, .maybe("name", text: { $0.entry?.name }),
        .maybe("title", text: { $0.entry?.title }),
        .maybe("file", "Absent where the hub has no file of the rule.", text: { $0.entry?.file }),
        .maybe("status", text: { $0.entry?.status }), .maybe("level", text: { $0.entry?.level }),
        .texts("tags") { $0.entry?.tags ?? [] }, .count("tests") { $0.entry?.tests ?? 0 },
        .maybe("respond", "The strongest rung that it may climb by itself.", text: { $0.entry?.respond }),
        .count("alerts", "That are kept.") { $0.hits }, .count("alerts_7d") { $0.recentHits },
        .maybe("last_alert_at", integer: { $0.lastHitAt }), .maybe("precision", precision) { $0.precision },
    ]
    static let detector = Shape<DetectorState>("Detector", summary)
    static let detectors = Shape<[DetectorState]>("Detectors", [.list("items", detector) { $0 }])
    static let detectorDetail = Shape<DetectorState>(
        "DetectorDetail",
        summary + [
            .maybe("description", text: { $0.entry?.description }),
            .maybe("source", "The rule, YAML.", text: { $0.entry?.source }),
        ])

    // MARK: Evidence

    static let row = Shape<EvidenceRow>(
        "EvidenceRow",
        [
            .integer("sequence") { $0.sequence }, .time("at") { $0.at }, .text("actor") { $0.actor },
            .text("action") { $0.action }, .text("subject") { $0.subject },
            .raw("payload", "Texts by name.") { $0.payload }, .text("previous_hash") { $0.previousHash },
            .text("hash") { $0.hash },
        ])
    static let rows = Shape.page("EvidencePage", row)
    static let verification = Shape<EvidenceState>(
        "EvidenceVerification",
        [
            .flag("fits") { $0.verification.fault == nil },
            .maybe("fault", "The first row that does not fit, and why.", text: { $0.verification.fault?.description }),
            .integer("rows", "That were looked at and fit.") { $0.verification.count },
            .integer("last_sequence") { $0.verification.lastSequence }, .text("last_hash") { $0.verification.lastHash },
            .count("heads", "Signed ones that fit.") { $0.verification.heads },
            .integer("signed_to", "The last row that a signed head covers.") { $0.verification.signedTo },
            .flag("checks_heads") { $0.checksHeads }, .flag("signs") { $0.signs },
        ])

    // MARK: Overview, health, who one is

    static let bySeverity = Shape<(Int, Int)>(
        "OpenIncidents",
        [
            .count("severity_id") { $0.0 }, .text("severity", schema: .oneOf(Severity.words)) { Severity.word($0.0) },
            .count("open") { $0.1 },
        ])
    static let hour = Shape<(hour: Int64, alerts: Int)>(
        "AlertsInHour", [.time("from") { $0.hour * 3_600_000 }, .count("alerts") { $0.alerts }])
    static let hits = Shape<RuleHits>(
        "RuleHits",
        [.text("rule") { $0.rule }, .count("alerts") { $0.alerts }, .time("last_alert_at") { $0.lastAt }])
    static let overview = Shape<Overview>(
        "Overview",
        [
            .time("at") { $0.at },
            .list("open_incidents", bySeverity, "The gravest first.") { overview in
                overview.openIncidents.sorted { $0.key > $1.key }.map { ($0.key, $0.value) }
            },
            .count("orders_in_force") { $0.ordersInForce }, .count("pending_approvals") { $0.pendingApprovals },
            .count("pending_deliveries") { $0.pendingDeliveries }, .count("dead_deliveries") { $0.deadDeliveries },
            .list("alerts_per_hour", hour, "The 24 hours up to now.") { $0.alertsPerHour },
            .list("rules", hits, "Of the same time, the most frequent first.") { $0.rules },
        ])

    static let check = Shape<HealthReport.Check>(
        "Check",
        [
            .text("name") { $0.name }, .flag("healthy") { $0.healthy }, .text("detail") { $0.detail },
            .flag("required") { $0.isRequired },
        ])
    static let health = Shape<HealthReport>(
        "Health",
        [
            .text("status", schema: .oneOf(["ok", "degraded", "failing"])) { $0.status },
            .list("checks", check) { $0.checks },
        ])

    static let me = Shape<Actor>(
        "Me",
        [
            .text("identity") { $0.identity }, .text("name") { $0.name }, .texts("groups") { $0.groups },
            .texts("roles", schema: .oneOf(Role.self)) { $0.roles.sorted().map(\.rawValue) },
            .texts("permissions", schema: .oneOf(Permission.self)) { actor in
                Permission.allCases.filter { actor.may($0) }.map(\.rawValue)
            },
            .text("via", "`console`, or `token:ID`.") { $0.via.text },
        ])

    // MARK: Tokens

    /// A token and when it is looked at.
    typealias TokenNow = (token: APIToken, now: Int64)
    static let token = Shape<TokenNow>(
        "Token",
        [
            .text("id") { $0.token.id }, .text("name") { $0.token.name }, .text("owner") { $0.token.owner },
            .texts("roles", schema: .oneOf(Role.self)) { $0.token.roles.sorted().map(\.rawValue) },
            .text("state", schema: .oneOf(APIToken.State.self)) { $0.token.state(at: $0.now).rawValue },
            .time("created_at") { $0.token.createdAt }, .text("created_by") { $0.token.createdBy },
            .time("expires_at") { $0.token.expiresAt },
            .maybe("last_used_at", "To the minute.", integer: { $0.token.lastUsedAt }),
            .maybe("revoked_at", integer: { $0.token.revokedAt }), .maybe("revoked_by", text: { $0.token.revokedBy }),
        ])
    static let tokens = Shape.page("TokenPage", token)
    static let newToken = Shape<(TokenNow, secret: String)>(
        "NewToken",
        [
            .object("token", token) { $0.0 },
            .text("secret", "Send it as `Authorization: Bearer`. It is shown this once.") { $0.secret },
        ])
}
