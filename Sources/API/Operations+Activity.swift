// SPDX-License-Identifier: Apache-2.0

import Activity
import Desk
import HTTPTypes

extension Operation {
    private static let identity = Parameter.path("identity", "As events name it.", schema: .line(512))

    static let activity: [Operation] = [
        Operation(
            id: "listIdentities", method: .get, path: "/identities", tag: "Identities", permission: .read,
            summary: "Identities that were seen, those active last first.",
            parameters: [
                .query("prefix", .line(512), "What the identity begins with, in any case."),
                .query("kind", .oneOf(["human", "service"])),
                .query("quiet_since", .time, "ms: only those without an event since; dormant ones."),
            ] + Parameter.page, answer: ActivityShapes.identities.schema, mayConflict: true
        ) { call in
            Reply(
                try await call.desk.activeIdentities(
                    .init(
                        prefix: call.text("prefix") ?? "", kind: call.text("kind"),
                        quietSince: call.integer("quiet_since")), after: call.cursor, limit: call.limit,
                    for: call.actor), ActivityShapes.identities)
        },
        Operation(
            id: "getActivity", method: .get, path: "/identities/{identity}/activity", tag: "Identities",
            permission: .read,
            summary: "What an identity did, by day, operation and resource; 28 days if nothing is said.",
            parameters: [identity] + Parameter.times, answer: ActivityShapes.activity.schema, mayConflict: true
        ) { call in
            Reply(
                try await call.desk.activity(
                    of: call.path("identity"), from: call.integer("from"), to: call.integer("to"), for: call.actor),
                ActivityShapes.activity)
        },
        Operation(
            id: "listSessions", method: .get, path: "/identities/{identity}/sessions", tag: "Identities",
            permission: .read, summary: "The sessions of an identity, the one that started last first.",
            parameters: [identity] + Parameter.page, answer: ActivityShapes.sessions.schema, mayConflict: true
        ) { call in
            Reply(
                try await call.desk.sessions(
                    of: call.path("identity"), after: call.cursor, limit: call.limit, for: call.actor),
                ActivityShapes.sessions)
        },
        Operation(
            id: "listResourceUsers", method: .get, path: "/resource-users", tag: "Identities", permission: .read,
            summary: "Who has used a resource, the latest first.",
            parameters: [
                .query("name", .line(512), "The resource's.", isRequired: true), .query("connection", .line(512)),
                .query("type", .line(100), "`checkpoint`, `corpus`, `collection`, `model` …"),
            ] + Parameter.page, answer: ActivityShapes.users.schema, mayConflict: true
        ) { call in
            Reply(
                try await call.desk.users(
                    ofResource: call.path("name"), connection: call.text("connection"), type: call.text("type"),
                    after: call.cursor, limit: call.limit, for: call.actor), ActivityShapes.users)
        },
    ]
}
