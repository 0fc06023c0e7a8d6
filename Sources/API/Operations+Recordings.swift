// SPDX-License-Identifier: Apache-2.0

import Desk
import HTTPTypes
import Recordings

extension Operation {
    private static let session = Parameter.path(
        "session", "`id` of a recorded session.", schema: .integer(1...(1 << 53)))

    static let recordings: [Operation] = [
        Operation(
            id: "searchRecordings", method: .get, path: "/recordings", tag: "Recordings", permission: .read,
            summary: "Recorded exchanges without their contents, the latest to arrive first.",
            description: "To search words of the contents (`text`) is to read them: that takes the role analyst.",
            parameters: [
                .query("identity", .line(512)), .query("session", .line(512)), .query("connection", .line(512)),
                .query("operation", .line(512)), .query("decision", .oneOf(Recording.Decision.self)),
                .query("resource", .line(512), "The name of one of its resources."),
                .query("text", .line(512), "All of these words; `\"in this order\"`; `begin*`."),
            ] + Parameter.times + Parameter.page, answer: RecordingShapes.summaries.schema, mayConflict: true
        ) { call in
            let filter = RecordingFilter(
                identity: call.text("identity"), session: call.text("session"), connection: call.text("connection"),
                operation: call.text("operation"), decision: call.text("decision").flatMap(Recording.Decision.init),
                resource: call.text("resource"), from: call.integer("from"), to: call.integer("to"),
                text: call.text("text"))
            return Reply(
                try await call.desk.recordings(filter, after: call.cursor, limit: call.limit, for: call.actor),
                RecordingShapes.summaries)
        },
        Operation(
            id: "getRecording", method: .get, path: "/recordings/{recording}", tag: "Recordings",
            permission: .readRecordings, summary: "A recording with its contents. That it was read is noted.",
            parameters: [.path("recording", "`uid` of its audit event.")], answer: RecordingShapes.stored.schema,
            mayConflict: true
        ) { call in
            Reply(try await call.desk.recording(call.path("recording"), by: call.actor), RecordingShapes.stored)
        },
        Operation(
            id: "listRecordedSessions", method: .get, path: "/recorded-sessions", tag: "Recordings", permission: .read,
            summary: "Recorded sessions, the last active first.",
            parameters: [
                .query("identity", .line(512)), .query("session", .line(512), "As the issuer named it."),
            ] + Parameter.times + Parameter.page, answer: RecordingShapes.sessions.schema, mayConflict: true
        ) { call in
            Reply(
                try await call.desk.recordedSessions(
                    identity: call.text("identity"), session: call.text("session"), from: call.integer("from"),
                    to: call.integer("to"), after: call.cursor, limit: call.limit, for: call.actor),
                RecordingShapes.sessions)
        },
        Operation(
            id: "getRecordedSession", method: .get, path: "/recorded-sessions/{session}", tag: "Recordings",
            permission: .read, summary: "One recorded session.", parameters: [session],
            answer: RecordingShapes.session.schema, mayConflict: true
        ) { call in
            Reply(
                try await call.desk.recordedSession(call.integer("session") ?? 0, for: call.actor),
                RecordingShapes.session)
        },
        Operation(
            id: "replaySession", method: .get, path: "/recorded-sessions/{session}/replay", tag: "Recordings",
            permission: .readRecordings,
            summary:
                "A session's exchanges with their contents, in the order in which they ended. That it was read is noted.",
            parameters: [session] + Parameter.page, answer: RecordingShapes.steps.schema, mayConflict: true
        ) { call in
            Reply(
                try await call.desk.replaySession(
                    call.integer("session") ?? 0, after: call.cursor, limit: call.limit, by: call.actor),
                RecordingShapes.steps)
        },
    ]
}
