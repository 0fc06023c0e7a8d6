// SPDX-License-Identifier: Apache-2.0

import Recordings

/// How recordings are written.
enum RecordingShapes {
    static let summary = Shape<RecordingSummary>(
        "RecordingSummary",
        [
            .text("uid", "Of the audit event.") { $0.uid }, .time("time", "When the exchange ended.") { $0.at },
            .time("received_at") { $0.receivedAt }, .maybe("identity", text: { $0.identity }),
            .maybe("session_id", integer: { $0.sessionID }), .maybe("connection", text: { $0.connection }),
            .text("operation") { $0.operation }, .maybe("resource", text: { $0.resource }),
            .text("method") { $0.method }, .text("path") { $0.path }, .count("status") { $0.status },
            .text("decision", schema: .oneOf(Recording.Decision.self)) { $0.decision.rawValue },
            .maybe("items", integer: { $0.items.map(Int64.init) }), .integer("request_bytes") { $0.requestBytes },
            .integer("response_bytes") { $0.responseBytes },
        ])
    static let summaries = Shape.page("RecordingPage", summary)

    static let stored = Shape<StoredRecording>(
        "Recording",
        [
            .integer("sequence", "Its row in the chain.") { $0.sequence }, .time("received_at") { $0.receivedAt },
            .text("hash") { $0.hash },
            .raw("recording", "The exchange as the gateway recorded it; see docs/recordings.md.") {
                String(decoding: $0.content, as: UTF8.self)
            },
        ])

    static let session = Shape<RecordedSession>(
        "RecordedSession",
        [
            .integer("id") { $0.id }, .text("session", "As the issuer named it.") { $0.session },
            .text("identity") { $0.identity }, .time("started_at") { $0.startedAt }, .time("last_at") { $0.lastAt },
            .count("exchanges") { $0.exchanges }, .count("refused") { $0.refused },
            .integer("request_bytes") { $0.requestBytes }, .integer("response_bytes") { $0.responseBytes },
            .maybe("address", text: { $0.address }),
        ])
    static let sessions = Shape.page("RecordedSessionPage", session)

    static let step = Shape<ReplayStep>(
        "ReplayStep",
        [
            .integer("offset", "ms since the session's first exchange.") { $0.offset },
            .object("exchange", stored) { $0.stored },
        ])
    static let steps = Shape.page("ReplayPage", step)
}
