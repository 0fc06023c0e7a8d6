// SPDX-License-Identifier: Apache-2.0

import Delivery
import Desk
import HTTPTypes
import Incidents
import JSONText
import Paging
import Routing
import Telemetry
import Web

extension Operation {
    static let overview: [Operation] = [
        Operation(
            id: "getOverview", method: .get, path: "/overview", tag: "Hub", permission: .read,
            summary: "The figures of the first page.", answer: HubShapes.overview.schema
        ) { call in Reply(try await call.desk.overview(for: call.actor), HubShapes.overview) },
        Operation(
            id: "getHealth", method: .get, path: "/health", tag: "Hub", permission: .read, summary: "How the hub is.",
            answer: HubShapes.health.schema
        ) { call in Reply(try call.desk.health(for: call.actor), HubShapes.health) },
        Operation(
            id: "getMe", method: .get, path: "/me", tag: "Hub", permission: .read,
            summary: "Who asks, and what they may.",
            answer: HubShapes.me.schema
        ) { call in Reply(call.actor, HubShapes.me) },
    ]

    static let reports: [Operation] = [
        report(
            id: "getReport", path: "/report", permission: .read, isNamed: false,
            summary: "The weekly insider-risk report, with codes in place of names."),
        report(
            id: "getNamedReport", path: "/report/named", permission: .readNamedReports, isNamed: true,
            summary: "The weekly insider-risk report with names; that it was read is a row of evidence."),
    ]

    private static func report(
        id: String, path: String, permission: Permission, isNamed: Bool, summary: String
    ) -> Operation {
        Operation(
            id: id, method: .get, path: path, tag: "Report", permission: permission, summary: summary,
            parameters: [.query("week", .line(10), "An ISO week such as `2026-W46`; the last whole one without.")],
            answer: .open("The numbers of all twelve sections; docs/report.md has the members."), mayConflict: true
        ) { call in
            guard let report = call.report else { throw DeskError.refused("this hub makes no reports") }
            return Reply(json: try await report(call.text("week"), isNamed, call.actor))
        }
    }

    static let silences: [Operation] = [
        Operation(
            id: "listSilences", method: .get, path: "/silences", tag: "Silences", permission: .read,
            summary: "Silences, the latest end first.",
            parameters: [.query("all", .flag, "Those that are over as well; kept for five days.", standard: false)]
                + Parameter.page, answer: HubShapes.silences.schema
        ) { call in
            let now = RFC3339.nowMilliseconds()
            let page = try await call.desk.silences(
                isAll: call.flag("all"), after: call.cursor, limit: call.limit, for: call.actor)
            return Reply(page.map { ($0, now) }, HubShapes.silences)
        },
        Operation(
            id: "getSilence", method: .get, path: "/silences/{silence}", tag: "Silences", permission: .read,
            summary: "One silence.", parameters: [.path("silence", "The id.")], answer: HubShapes.silence.schema
        ) { call in reply(try await call.desk.silence(call.path("silence"), for: call.actor)) },
        Operation(
            id: "addSilence", method: .post, path: "/silences", tag: "Silences", permission: .silence,
            summary: "Silences alerts for a while: they are stored, and nobody is told.",
            body: .object([
                .init(
                    "matchers", .line(4_096),
                    "As Alertmanager writes them: `identity=\"ana\", severity=~\"low|medium\"`."),
                .init("starts_at", .time, isRequired: false, "ms; now without, and for what is past."),
                .init("ends_at", .time, "ms; not included."), .init("comment", .line(2_000)),
            ]), status: .created, answer: HubShapes.silence.schema
        ) { call in
            reply(
                try await call.desk.addSilence(
                    matchers: call.sent("matchers"), startsAt: call.body["starts_at"]?.integer,
                    endsAt: call.body["ends_at"]?.integer ?? 0, comment: call.sent("comment"), by: call.actor))
        },
        Operation(
            id: "changeSilence", method: .patch, path: "/silences/{silence}", tag: "Silences", permission: .silence,
            summary: "Changes a silence. Unless only its end changes, it ends and another takes its place.",
            parameters: [.path("silence", "The id.")],
            body: .object(
                [
                    .init("matchers", .line(4_096), isRequired: false), .init("starts_at", .time, isRequired: false),
                    .init("ends_at", .time, isRequired: false), .init("comment", .line(2_000), isRequired: false),
                ], minimum: 1), answer: HubShapes.silence.schema
        ) { call in
            reply(
                try await call.desk.changeSilence(
                    call.path("silence"), matchers: call.body["matchers"]?.text,
                    startsAt: call.body["starts_at"]?.integer, endsAt: call.body["ends_at"]?.integer,
                    comment: call.body["comment"]?.text, by: call.actor))
        },
        Operation(
            id: "expireSilence", method: .post, path: "/silences/{silence}/expire", tag: "Silences",
            permission: .silence, summary: "Ends a silence now.", parameters: [.path("silence", "The id.")],
            answer: HubShapes.silence.schema, mayConflict: true
        ) { call in reply(try await call.desk.expireSilence(call.path("silence"), by: call.actor)) },
    ]

    private static func reply(_ silence: Silence) -> Reply {
        Reply((silence, RFC3339.nowMilliseconds()), HubShapes.silence)
    }

    static let deliveries: [Operation] = [
        Operation(
            id: "listDeliveries", method: .get, path: "/deliveries", tag: "Deliveries", permission: .read,
            summary: "Deliveries, the latest first.",
            parameters: [.query("target", .line(64)), .query("state", .oneOf(Delivery.State.self))] + Parameter.page,
            answer: HubShapes.deliveries.schema
        ) { call in
            Reply(
                try await call.desk.deliveries(
                    target: call.text("target"), state: call.text("state").flatMap(Delivery.State.init),
                    after: call.cursor, limit: call.limit, for: call.actor), HubShapes.deliveries)
        },
        Operation(
            id: "replayDeliveries", method: .post, path: "/deliveries/replay", tag: "Deliveries",
            permission: .manageDeliveries, summary: "Makes dead deliveries pending again, with their old `webhook-id`.",
            body: .object([
                .init(
                    "ids", .list(.integer(1...(1 << 53)), count: 1...1_000), isRequired: false,
                    "Without, all dead ones."),
                .init("target", .line(64), isRequired: false), .init("since", .time, isRequired: false, "ms."),
                .init("delivered", .flag, isRequired: false, "Those that were delivered as well.", standard: false),
            ]), answer: HubShapes.touched.schema
        ) { call in
            let count = try await call.desk.replay(
                ReplaySelection(
                    ids: call.body["ids"]?.list?.compactMap(\.integer), target: call.body["target"]?.text,
                    since: call.body["since"]?.integer,
                    states: call.body["delivered"] == .flag(true) ? [.dead, .delivered] : [.dead]), by: call.actor)
            return Reply(count, HubShapes.touched)
        },
        Operation(
            id: "listTargets", method: .get, path: "/targets", tag: "Deliveries", permission: .read,
            summary: "How each target is.", answer: HubShapes.targets.schema
        ) { call in Reply(try await call.desk.targets(for: call.actor), HubShapes.targets) },
        Operation(
            id: "enableTarget", method: .post, path: "/targets/{target}/enable", tag: "Deliveries",
            permission: .manageDeliveries, summary: "Sends again to a target that answered 410 Gone.",
            parameters: [.path("target", "The name.")], answer: HubShapes.touched.schema
        ) { call in Reply(try await call.desk.enableTarget(call.path("target"), by: call.actor), HubShapes.touched) },
        Operation(
            id: "listReceivers", method: .get, path: "/receivers", tag: "Deliveries", permission: .read,
            summary: "Who is told.", answer: HubShapes.receivers.schema
        ) { call in Reply(try call.desk.receivers(for: call.actor), HubShapes.receivers) },
        Operation(
            id: "testReceiver", method: .post, path: "/receivers/{receiver}/test", tag: "Deliveries",
            permission: .manageDeliveries,
            summary: "Sends a marked test message through each target of a receiver, one attempt each.",
            parameters: [.path("receiver", "The name.")], answer: HubShapes.trials.schema
        ) { call in Reply(try await call.desk.testReceiver(call.path("receiver"), by: call.actor), HubShapes.trials) },
    ]

    static let detectors: [Operation] = [
        Operation(
            id: "listDetectors", method: .get, path: "/detectors", tag: "Detectors", permission: .read,
            summary: "Rules with their alerts and their precision, by title.", answer: HubShapes.detectors.schema
        ) { call in Reply(try await call.desk.detectors(for: call.actor), HubShapes.detectors) },
        Operation(
            id: "getDetector", method: .get, path: "/detectors/{rule}", tag: "Detectors", permission: .read,
            summary: "One rule with its text.", parameters: [.path("rule", "Its id or its name.", schema: .line(512))],
            answer: HubShapes.detectorDetail.schema
        ) { call in
            Reply(try await call.desk.detector(call.path("rule"), for: call.actor), HubShapes.detectorDetail)
        },
    ]

    static let evidence: [Operation] = [
        Operation(
            id: "searchEvidence", method: .get, path: "/evidence", tag: "Evidence", permission: .read,
            summary: "What people did, the latest first.",
            parameters: [
                .query("actor", .line(512)),
                .query("action", .line(100), "`incident.close`; `incident.*` for all of a kind."),
                .query("subject", .line(512)),
            ] + Parameter.times + Parameter.page, answer: HubShapes.rows.schema
        ) { call in
            let filter = EvidenceChain.Filter(
                actor: call.text("actor"), action: call.text("action"), subject: call.text("subject"),
                from: call.integer("from"), to: call.integer("to"))
            return Reply(
                try await call.desk.evidence(filter, after: call.cursor, limit: call.limit, for: call.actor),
                HubShapes.rows)
        },
        Operation(
            id: "verifyEvidence", method: .get, path: "/evidence/verification", tag: "Evidence", permission: .read,
            summary: "Walks the chain of evidence and says what fits.",
            parameters: [.query("whole", .flag, "From the first row, not only the last 1,000.", standard: false)],
            answer: HubShapes.verification.schema
        ) { call in
            Reply(
                try await call.desk.verifyEvidence(isWhole: call.flag("whole"), for: call.actor),
                HubShapes.verification)
        },
    ]

    static let tokens: [Operation] = [
        Operation(
            id: "listTokens", method: .get, path: "/tokens", tag: "Tokens", permission: .manageTokens,
            summary: "API tokens of everybody, the newest first.", parameters: Parameter.page,
            answer: HubShapes.tokens.schema
        ) { call in
            let now = RFC3339.nowMilliseconds()
            let page = try await call.desk.tokens(after: call.cursor, limit: call.limit, for: call.actor)
            return Reply(page.map { ($0, now) }, HubShapes.tokens)
        },
        Operation(
            id: "createToken", method: .post, path: "/tokens", tag: "Tokens", permission: .manageTokens,
            summary: "Makes a token that acts in your name. A token makes none: it takes a login.",
            body: .object([
                .init("name", .line(100)),
                .init(
                    "roles", .list(.oneOf(Role.self), count: 1...4, isUnique: true),
                    "Of yours; viewer is always among them."),
                .init(
                    "lifetime_seconds", .integer(60...(APIToken.maximumLifetime / 1000)), isRequired: false,
                    standard: .integer(APIToken.defaultLifetime / 1000)),
            ]), status: .created, answer: HubShapes.newToken.schema, mayConflict: true
        ) { call in
            let made = try await call.desk.createToken(
                name: call.sent("name"), roles: Set((call.body["roles"]?.texts ?? []).compactMap(Role.init)),
                lifetime: call.body["lifetime_seconds"]?.integer.map { $0 * 1_000 } ?? APIToken.defaultLifetime,
                by: call.actor)
            return Reply(((made.token, RFC3339.nowMilliseconds()), made.secret), HubShapes.newToken)
        },
        Operation(
            id: "revokeToken", method: .post, path: "/tokens/{token}/revoke", tag: "Tokens", permission: .manageTokens,
            summary: "Ends a token now.", parameters: [.path("token", "The id.")], answer: HubShapes.token.schema,
            mayConflict: true
        ) { call in
            let token = try await call.desk.revokeToken(call.path("token"), by: call.actor)
            return Reply((token, RFC3339.nowMilliseconds()), HubShapes.token)
        },
    ]
}
