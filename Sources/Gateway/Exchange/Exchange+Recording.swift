// SPDX-License-Identifier: Apache-2.0

import Connections
import NIOCore
import NIOHTTP1
import Recordings

/// What an exchange keeps of itself beside its audit event: collected while it runs, written behind the event when it ends.
extension Exchange {
    /// The connection is known: begins to collect, with what has come of the body.
    func beginRecording() {
        guard recording == nil, let recorder = worker.core.recorder else { return }
        let mode = connection?.settings.recorded ?? recorder.settings.mode
        recording = ExchangeRecording(mode: mode)
        guard mode == .bodies, framing != .none else { return }
        recording?.request = BodySample(head.headers, limit: recorder.settings.bodyBytes)
        for part in pendingBody { recording?.request?.take(part, for: recorder) }
    }

    func recordRequest(_ bytes: ByteBuffer) {
        guard recording?.request != nil, let recorder = worker.core.recorder else { return }
        recording?.request?.take(bytes, for: recorder)
    }

    /// The upstream's answer begins.
    func recordAnswer(_ response: HTTPResponseHead) {
        guard recording != nil, let recorder = worker.core.recorder else { return }
        recording?.answerHeaders = response.headers
        if recording?.mode == .bodies {
            recording?.response = BodySample(response.headers, limit: recorder.settings.bodyBytes)
        }
    }

    func recordAnswer(_ bytes: ByteBuffer) {
        guard recording?.response != nil, let recorder = worker.core.recorder else { return }
        recording?.response?.take(bytes, for: recorder)
    }

    /// The gateway itself answers: what was collected of another answer is not what the client gets.
    func recordAnswer(_ headers: HTTPHeaders, _ body: [UInt8]) {
        guard let recorder = worker.core.recorder else { return }
        // Refused before its connection was known: what it sent is not looked at.
        if recording == nil { recording = ExchangeRecording(mode: recorder.settings.mode == .off ? .off : .metadata) }
        recording?.answerHeaders = headers
        recording?.response?.drop(for: recorder)
        recording?.response = nil
        recording?.ownAnswer = body
    }

    /// Writes the recording, behind the audit event.
    ///
    /// - Parameter isWhole: the answer has come to its end.
    /// - Returns: false if it is required and lost.
    func keepRecording(isWhole: Bool) -> Bool {
        guard let recording, recording.mode != .off, let recorder = worker.core.recorder else { return true }
        defer { dropRecording() }
        var result = Recording(
            uid: uid, at: record.time, operation: record.operation, method: record.method, path: record.path,
            status: record.status, decision: .init(record.disposition),
            duration: max(0, worker.core.now() - startedAt))
        let secrets = secrets
        result.path = secrets.hiding(record.path)
        if let mark = head.uri.firstIndex(of: "?") {
            result.query = secrets.hiding(BodyMask.masked(String(head.uri[head.uri.index(after: mark)...]))).limited(
                2048)
        }
        result.identity = record.user?.uid
        result.session = record.user?.sessionID
        result.connection = record.service
        result.resources = record.resources.map { .init(type: $0.type, name: secrets.hiding($0.name)) }
        result.policy = record.policy
        result.reason = record.reason
        result.detail = record.detail.map { secrets.hiding($0).limited(1024) }
        result.address = record.address
        result.items = record.items
        result.approval = record.approval
        result.order = record.order
        result.request.length = requestBytes
        result.request.headers = RecordedHeaders.request(head.headers, without: secrets)
        result.response.length = responseBytes
        result.response.headers = RecordedHeaders.response(recording.answerHeaders, without: secrets)
        if recording.mode == .metadata {
            if requestBytes > 0 { result.request.omitted = .metadata }
            if responseBytes > 0 { result.response.omitted = .metadata }
        } else {
            recording.request?.fill(&result.request, without: secrets, isWhole: bodyIsComplete)
            recording.response?.fill(&result.response, without: secrets, isWhole: isWhole)
            if let own = recording.ownAnswer {
                result.response.set(body: secrets.hiding(String(decoding: own, as: UTF8.self)))
            }
        }
        return recorder.keep(
            result, key: record.user?.sessionID ?? record.key, isReserved: isReserved)
    }

    /// Lets go of what was collected.
    func dropRecording() {
        guard let recorder = worker.core.recorder else { return }
        recording?.request?.drop(for: recorder)
        recording?.response?.drop(for: recorder)
        recording = nil
    }

    /// What went over the wire and must not be recorded, also where a service echoes it.
    private var secrets: KnownSecrets {
        var secrets = KnownSecrets()
        for name in RecordedHeaders.credentials where head.headers.contains(name: name) {
            for value in head.headers[name] { secrets.add(value) }
        }
        if let credential { secrets.add(credential.value) }
        for cookie in head.headers["cookie"] + (recording?.answerHeaders["set-cookie"] ?? []) {
            for pair in cookie.split(separator: ";") {
                if let sign = pair.firstIndex(of: "=") { secrets.add(String(pair[pair.index(after: sign)...])) }
            }
        }
        return secrets
    }
}

/// What an exchange has collected for its recording.
struct ExchangeRecording {
    let mode: ConnectionSettings.Recorded
    var request: BodySample?
    var response: BodySample?
    var answerHeaders = HTTPHeaders()
    /// The body of an answer that the gateway gave.
    var ownAnswer: [UInt8]?
}

/// Which header fields are recorded. All others may hold what is nobody's business.
enum RecordedHeaders {
    private static let requests: Set<String> = [
        "accept", "content-encoding", "content-length", "content-type", "if-match", "if-none-match", "range",
        "traceparent", "user-agent", "x-request-id",
    ]
    private static let responses: Set<String> = [
        "content-encoding", "content-length", "content-range", "content-type", "etag", "last-modified", "retry-after",
        "x-request-id",
    ]
    /// Fields by which callers, also by mistake, show who they are.
    static let credentials =
        CallerToken.ownHeaders + ["authorization", "x-api-key", "x-goog-api-key", "x-amz-security-token"]

    static func request(_ headers: HTTPHeaders, without secrets: KnownSecrets) -> [Recording.Header] {
        pick(headers, requests, secrets)
    }

    static func response(_ headers: HTTPHeaders, without secrets: KnownSecrets) -> [Recording.Header] {
        pick(headers, responses, secrets)
    }

    private static func pick(
        _ headers: HTTPHeaders, _ allowed: Set<String>, _ secrets: KnownSecrets
    ) -> [Recording.Header] {
        var picked: [Recording.Header] = []
        for (name, value) in headers {
            let name = name.lowercased()
            guard allowed.contains(name), picked.count < allowed.count else { continue }
            picked.append(Recording.Header(name: name, value: secrets.hiding(value.limited(512))))
        }
        return picked
    }
}

extension Recording.Decision {
    init(_ disposition: AuditRecord.Disposition) {
        self =
            switch disposition {
            case .allowed: .allowed
            case .denied: .denied
            case .sentToApproval: .approval
            case .dropped, .error: .failed
            }
    }
}
