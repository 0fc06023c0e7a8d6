// SPDX-License-Identifier: Apache-2.0

import Addresses
import AuditEvent
import AuditSpool
import Connections
import Foundation
import Metrics
import NIOCore
import NIOHTTP1
import OIDC
import Orders

/// One request and its answer, from the first header field to the audit event. On one event loop.
///
/// The order is that of docs/design.md §6: can it be recorded → is it a sound message → who → orders → what → policy → forward →
/// audit event. Each step ends in the next one, or in `refuse`.
final class Exchange: UpstreamResponseReceiver {
    enum Phase {
        /// Nobody has taken the body yet; what comes waits in `pendingBody`.
        case deciding
        /// The body is read in whole, for policy to look at.
        case collecting
        /// Sent to the upstream; no answer yet.
        case forwarding
        /// The answer is being passed on.
        case answering
        case done
    }

    /// A request that took longer to come (ms) has its token checked once more.
    private static let staleAfter: Int64 = 5000

    let worker: GatewayWorker
    let client: ProxyHandler
    let head: HTTPRequestHead
    let isHTTP2: Bool
    let uid: String
    let startedAt: Int64
    var phase = Phase.deciding
    var record: AuditRecord

    // Who and what.
    var principal: Principal?
    var caller: Caller?
    var connection: Connection?
    var backend: GatewayConfiguration.Backend?
    var credential: (header: String, value: String)?
    var match: OperationMatch?
    var facts: RequestFacts?
    /// The order that calls for an approval.
    var orderForApproval: Order?
    /// The approval that covers the request.
    var approval: String?
    /// What the exchange waits for.
    var awaited: (id: String, demand: Decision.ApprovalDemand)?
    var waitTimer: Scheduled<Void>?
    var appliedWait: Int?
    /// False once the request has been sent: it cannot be sent again after a wait.
    var mayWait = true

    // The request's body.
    var framing = HeaderRules.Body.none
    var pendingBody: [ByteBuffer] = []
    var bodyIsComplete = false
    /// All of the body was held when it was sent to the upstream: it can be sent again.
    var isReplayable = false
    var expectsContinue = false
    /// The connection to the client cannot be used after this request.
    var closesClient = false
    var requestBytes: Int64 = 0
    var requestLimit: Int?
    private var inspectionBytes = 0

    // The answer.
    var upstreamConnection: UpstreamConnection?
    var announced: Int64?
    var responseBytes: Int64 = 0
    var counter: ResponseCounter?

    // The audit event and the recording.
    var recording: ExchangeRecording?
    var isReserved = false
    var isRecorded = false
    var streamIsRecorded = false

    init(worker: GatewayWorker, client: ProxyHandler, head: HTTPRequestHead, peer: String, isHTTP2: Bool) {
        self.worker = worker
        self.client = client
        self.head = head
        self.isHTTP2 = isHTTP2
        let core = worker.core
        uid = core.newUID()
        startedAt = core.now()
        let source = core.proxies.source(peer: peer) { head.headers["x-forwarded-for"] }
        record = AuditRecord(uid: uid, time: startedAt, address: source.address)
        record.proxies = source.proxies
        record.method = head.method.rawValue
        record.method = record.method.limited(32)
        record.path = String(head.uri.prefix { $0 != "?" }).limited(2048)
        record.userAgent = head.headers.first(name: "user-agent")?.limited(512)
        record.policy = "request"
    }

    // MARK: Can it be recorded, is it sound

    func begin() {
        let core = worker.core
        core.metrics.requests.increment()
        guard core.spool.reserve() else { return refuseUnrecorded() }
        guard core.recorder?.reserve() != false else {
            core.spool.release()
            return refuseUnrecorded()
        }
        isReserved = true
        do throws(HeaderRules.Refusal) {
            framing = try HeaderRules.check(head, limits: core.limits, isHTTP2: isHTTP2)
        } catch {
            // Who sends this may count the bytes of the next request otherwise than we do.
            closesClient = true
            return refuse(
                Problem(
                    kind: "bad-request", status: error.status, title: "The request is not accepted",
                    detail: error.detail, instance: uid),
                reason: error.reason, detail: error.detail)
        }
        bodyIsComplete = framing == .none || framing == .length(0)
        if let expect = head.headers.first(name: "expect") {
            guard expect.lowercased() == "100-continue" else {
                return refuse(
                    Problem(
                        kind: "expectation-failed", status: .expectationFailed, title: "An unknown expectation",
                        detail: "The only expectation that is met is 100-continue.", instance: uid),
                    reason: "expectation", detail: "Expect: \(expect.prefix(64))")
            }
            expectsContinue = !bodyIsComplete
        }
        authenticate()
    }

    // MARK: Who

    /// Judges again from the beginning: the token may have run out, orders and the configuration may have changed while the exchange
    /// waited. What has come of the body is kept.
    func decideAgain() {
        releaseInspection()
        requestLimit = nil
        phase = .deciding
        authenticate()
    }

    private func authenticate() {
        let core = worker.core
        let token: String
        switch CallerToken.find(in: head.headers) {
        case .success(let found): token = found
        case .failure(let refusal): return identified(.failure(refusal))
        }
        if let known = core.tokens.cached(token) { return identified(known) }
        let me = NIOLoopBound(self, eventLoop: worker.eventLoop)
        let loop = worker.eventLoop
        Task {
            let result = await core.tokens.verify(token)
            loop.execute {
                let me = me.value
                if me.phase == .deciding { me.identified(result) }
            }
        }
    }

    private func identified(_ result: Result<Principal, TokenRefusal>) {
        switch result {
        case .success(let principal):
            self.principal = principal
            let user = worker.core.user(principal)
            record.user = user
            let caller = worker.core.caller(principal, identity: user.uid)
            self.caller = caller
            guard worker.core.noteLogin(principal, user: user, exchange: record) else { return refuseUnrecorded() }
            decide()
        case .failure(let refusal):
            refuseToken(refusal)
        }
    }

    /// A token that is not accepted: an Authentication event with the reason.
    func refuseToken(_ refusal: TokenRefusal) {
        record.classUID = 3002
        record.activity = 1
        record.policy = "authentication"
        if let principal = refusal.principal {
            record.user = worker.core.user(principal)
        } else {
            record.claimedUser = refusal.claimedSubject
        }
        let problem =
            refusal.isTemporary
            ? Problem(
                kind: "keys-unavailable", status: .serviceUnavailable, title: "The token cannot be checked now",
                detail: "The issuer's keys cannot be read. Try again.", instance: uid, retryAfter: 5)
            : Problem(
                kind: "unauthorized", status: .unauthorized, title: "A valid token is needed",
                detail: refusal.detail, instance: uid, wwwAuthenticate: refusal.wwwAuthenticate)
        refuse(problem, reason: refusal.reason.rawValue, detail: refusal.detail)
    }

    // MARK: The request's body

    /// Whether more of the body may be read from the client.
    var takesMoreBody: Bool {
        switch phase {
        case .deciding: false
        case .collecting: true
        case .forwarding, .answering: upstreamConnection?.isWritable ?? false
        case .done: true
        }
    }

    func requestBody(_ bytes: ByteBuffer) {
        requestBytes += Int64(bytes.readableBytes)
        if phase != .done, !fitsFraming(isEnd: false) { return refuseFraming() }
        if phase != .done { recordRequest(bytes) }
        switch phase {
        case .deciding: pendingBody.append(bytes)
        case .collecting: collect(bytes)
        case .forwarding, .answering: forwardBody(bytes)
        case .done: break
        }
    }

    func requestEnd(_ trailers: HTTPHeaders?) {
        if phase != .done, !fitsFraming(isEnd: true) { return refuseFraming() }
        switch phase {
        case .deciding: bodyIsComplete = true
        case .collecting:
            bodyIsComplete = true
            // A body may come so slowly that its token is long out of date.
            if worker.core.now() - startedAt > Self.staleAfter { decideAgain() } else { inspect() }
        case .forwarding where upstreamConnection == nil: bodyIsComplete = true
        case .forwarding, .answering: forwardEnd()
        case .done: break
        }
    }

    /// Whether the body so far is what the head announced. HTTP/2 frames a body itself: a request without a length may have one all the
    /// same, which must not be written behind a head that says there is none.
    private func fitsFraming(isEnd: Bool) -> Bool {
        switch framing {
        case .none: requestBytes == 0
        case .length(let length): isEnd ? requestBytes == length : requestBytes <= length
        case .chunked: true
        }
    }

    private func refuseFraming() {
        closesClient = true
        stop(
            Problem(
                kind: "bad-request", status: framing == .none ? .lengthRequired : .badRequest,
                title: "The request is not accepted",
                detail: "The body is not as long as the header says. A body needs a Content-Length.", instance: uid),
            reason: "framing", detail: "The body does not fit what the header says of it.")
    }

    /// What the parser could not read came in the middle of this request.
    func clientSentGarbage(_ error: String) {
        closesClient = true
        stop(
            Problem(
                kind: "bad-request", status: .badRequest, title: "The request is not accepted",
                detail: "The request is not HTTP: \(error)", instance: uid),
            reason: "unreadable", detail: "The request's body is not HTTP: \(error)")
    }

    /// Refuses a request that may have been forwarded, or cuts its answer.
    private func stop(_ problem: Problem, reason: String, detail: String) {
        upstreamConnection?.abandon()
        upstreamConnection = nil
        record.disposition = .denied
        guard phase == .answering else { return refuse(problem, reason: reason, detail: detail) }
        record.reason = reason
        record.detail = detail
        recordBroken()
        finish()
        client.abort()
    }

    /// Reads the whole body before going on, up to `limit` bytes.
    func collectBody(limit: Int) {
        requestLimit = min(limit, requestLimit ?? .max)
        if case .length(let length) = framing, length > Int64(limit) { return refuseTooLarge(limit) }
        phase = .collecting
        let waiting = pendingBody
        pendingBody = []
        for part in waiting {
            collect(part)
            guard phase == .collecting else { return }
        }
        if bodyIsComplete { return inspect() }
        sendContinue()
        client.resumeReading()
    }

    private func collect(_ bytes: ByteBuffer) {
        let limit = requestLimit ?? 0
        guard requestBytes <= Int64(limit) else { return refuseTooLarge(limit) }
        guard worker.core.holdForInspection(bytes.readableBytes) else {
            return refuse(
                Problem(
                    kind: "busy", status: .serviceUnavailable, title: "Too many large requests at once",
                    detail: "Try again in a moment.", instance: uid, retryAfter: 1),
                reason: "inspection_memory", detail: "All memory for request bodies is in use.")
        }
        inspectionBytes += bytes.readableBytes
        pendingBody.append(bytes)
    }

    func refuseTooLarge(_ limit: Int) {
        record.disposition = .denied
        refuse(
            .tooLarge(limit, instance: uid), reason: "request_too_large",
            detail: "The request's body is larger than \(limit) bytes.")
    }

    func releaseInspection() {
        if inspectionBytes > 0 { worker.core.releaseInspection(inspectionBytes) }
        inspectionBytes = 0
    }
}
