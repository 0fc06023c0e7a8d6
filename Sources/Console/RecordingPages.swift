// SPDX-License-Identifier: Apache-2.0

import Desk
import Foundation
import Hub
import Hummingbird
import Incidents
import Paging
import Recordings
import Web

extension Console {
    /// An exchange in a list.
    struct ExchangeRow: Sendable {
        let url: String
        let time: TimeText
        let identity: String?
        let identityURL: String?
        let operation: String
        let place: String
        let request: String
        let decision: StateText
        let status: String
        let size: String
        let replayURL: String?

        init(_ recording: RecordingSummary, now: Int64) {
            url = Link.recording(recording.uid)
            time = TimeText(recording.at, now: now)
            identity = recording.identity
            identityURL = recording.identity.map(Link.identity)
            operation = recording.operation
            place = [recording.connection, recording.resource].compactMap { $0 }.joined(separator: " · ")
            request = "\(recording.method) \(recording.path)"
            decision = StateText(recording.decision.rawValue)
            status = "\(recording.status)"
            size = Words.bytes(recording.responseBytes)
            replayURL = recording.sessionID.map { "/recordings/sessions/\($0)" }
        }
    }

    struct SessionRow: Sendable {
        let url: String
        let session: String
        let identity: String
        let identityURL: String
        let exchanges: String
        let refused: String?
        let size: String
        let began: TimeText
        let lasted: String
        let address: String?

        init(_ session: RecordedSession, now: Int64) {
            url = "/recordings/sessions/\(session.id)"
            self.session = session.session
            identity = session.identity
            identityURL = Link.identity(session.identity)
            exchanges = Words.count(session.exchanges)
            refused = session.refused > 0 ? Words.count(session.refused) : nil
            size = Words.bytes(session.responseBytes)
            began = TimeText(session.startedAt, now: now)
            lasted = TimeText.span(session.lastAt - session.startedAt)
            address = session.address
        }
    }

    struct RecordingsPage: Sendable {
        let isKept: Bool
        let query: [String: String]
        let decisions: [Choice]
        let isSearch: Bool
        let sessions: [SessionRow]
        let exchanges: [ExchangeRow]
        let pager: Pager?
    }

    /// One side of an exchange.
    struct MessageView: Sendable {
        let headers: [String]
        let body: String?
        let note: String
        let digest: String?

        init(_ message: Recording.Message) {
            headers = message.headers.map { "\($0.name): \($0.value)" }
            body = message.body.map { message.contentType?.contains("json") == true ? PrettyJSON.text($0) : $0 }
            digest = message.digest
            var notes = [Words.bytes(message.length)]
            if message.isTruncated { notes.append("cut: only the beginning is recorded") }
            switch message.omitted {
            case .binary?: notes.append("not text, so only its size is recorded")
            case .encoded?: notes.append("compressed, so only its size is recorded")
            case .metadata?: notes.append("no bodies are recorded here")
            case .memory?: notes.append("not recorded, for lack of memory at the gateway")
            case nil: if message.body == nil { notes.append("no body") }
            }
            note = notes.joined(separator: ", ")
        }
    }

    struct ExchangeView: Sendable {
        let url: String
        let uid: String
        let heading: String
        let offset: Int64
        let offsetText: String
        let time: TimeText
        let identity: String?
        let identityURL: String?
        let operation: String
        let connection: String?
        let resources: String?
        let decision: StateText
        let status: String
        let why: String?
        let address: String?
        let items: String?
        let took: String
        let approvalURL: String?
        let orderURL: String?
        let request: MessageView
        let response: MessageView
        let hash: String

        init(_ stored: StoredRecording, offset: Int64 = 0, now: Int64) {
            let recording = stored.recording
            url = Link.recording(recording.uid)
            uid = recording.uid
            heading = "\(recording.method) \(recording.path)" + (recording.query.map { "?\($0)" } ?? "")
            self.offset = offset
            offsetText = "+\(offset / 60_000):" + (offset / 1000 % 60 < 10 ? "0" : "") + "\(offset / 1000 % 60)"
            time = TimeText(recording.at, now: now)
            identity = recording.identity
            identityURL = recording.identity.map(Link.identity)
            operation = recording.operation
            connection = recording.connection
            resources = recording.resources.map { "\($0.type) \($0.name)" }.joined(separator: ", ").nonEmpty
            decision = StateText(recording.decision.rawValue)
            status = "\(recording.status)"
            why =
                [recording.policy, recording.reason, recording.detail].compactMap { $0 }.joined(separator: ": ")
                .nonEmpty
            address = recording.address
            items = recording.items.map { Words.count($0) }
            took = "\(recording.duration) ms"
            approvalURL = recording.approval.map { "/approvals#\($0)" }
            orderURL = recording.order.map { "/orders#\($0)" }
            request = MessageView(recording.request)
            response = MessageView(recording.response)
            hash = stored.hash
        }
    }

    struct RecordingPage: Sendable {
        let exchange: ExchangeView
    }

    struct ReplayPage: Sendable {
        let session: SessionRow
        let steps: [ExchangeView]
        let pager: Pager?
    }

    private static let fields = [
        "identity", "session", "connection", "operation", "decision", "resource", "from", "to", "q",
    ]

    /// `/recordings`, `/recordings/UID`, `/recordings/sessions/ID`. What was in an exchange is for analysts, and each reading is
    /// evidence.
    func addRecordings(to router: Router<WebContext>) {
        router.get("recordings") { request, context in try await recordings(request, context) }
        router.get("recordings/sessions/:id") { request, context in
            guard let id = Int64(try context.part("id")) else { throw WebFault.notFound() }
            let actor = try context.actor
            let cursor = try request.query()["cursor"]
            let session = try await desk.recordedSession(id, for: actor)
            let steps = try await desk.replaySession(id, after: cursor, limit: 50, by: actor)
            let now = now()
            return try await page(
                "Session \(session.session)", "replay",
                ReplayPage(
                    session: SessionRow(session, now: now),
                    steps: steps.items.map { ExchangeView($0.stored, offset: $0.offset, now: now) },
                    pager: Pager(path: "/recordings/sessions/\(id)", query: [], cursor: cursor, next: steps.next)),
                request, context)
        }
        router.get("recordings/:uid") { request, context in
            let stored = try await desk.recording(try context.part("uid"), by: try context.actor)
            let exchange = ExchangeView(stored, now: now())
            return try await page(exchange.heading, "recording", RecordingPage(exchange: exchange), request, context)
        }
    }

    private func recordings(_ request: Request, _ context: WebContext) async throws -> Response {
        let actor = try context.actor
        let now = now()
        let query = try request.query()
        let given = Dictionary(
            Self.fields.compactMap { name in query[name].map { (name, $0) } }, uniquingKeysWith: { first, _ in first })
        let isKept = desk.hub.recordings != nil
        var exchanges = Page<RecordingSummary>(items: [])
        var sessions = Page<RecordedSession>(items: [])
        if isKept {
            let filter = RecordingFilter(
                identity: given["identity"], session: given["session"], connection: given["connection"],
                operation: given["operation"], decision: given["decision"].flatMap(Recording.Decision.init),
                resource: given["resource"], from: try Self.day(query, "from"), to: try Self.day(query, "to"),
                text: given["q"])
            exchanges = try await desk.recordings(filter, after: query["cursor"], limit: 50, for: actor)
            if given.isEmpty || given.keys.allSatisfy({ $0 == "identity" }), query["cursor"] == nil {
                sessions = try await desk.recordedSessions(identity: given["identity"], limit: 10, for: actor)
            }
        }
        return try await page(
            "Recordings", "recordings",
            RecordingsPage(
                isKept: isKept, query: given,
                decisions: Choice.list(
                    [("", "any")] + Recording.Decision.allCases.map { ($0.rawValue, $0.rawValue) },
                    chosen: given["decision"] ?? ""), isSearch: !given.isEmpty,
                sessions: sessions.items.map { SessionRow($0, now: now) },
                exchanges: exchanges.items.map { ExchangeRow($0, now: now) },
                pager: Pager(
                    path: "/recordings", query: Self.fields.map { ($0, given[$0]) }, cursor: query["cursor"],
                    next: exchanges.next)), request, context)
    }
}
