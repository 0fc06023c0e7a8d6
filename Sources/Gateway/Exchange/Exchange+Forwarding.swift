// SPDX-License-Identifier: Apache-2.0

import Connections
import Logging
import Metrics
import NIOCore
import NIOHTTP1

/// The request goes to the upstream, the answer comes back; both are passed on as they come, each side no faster than the
/// other takes it.
extension Exchange {
    func forward() {
        guard let upstream = backend?.upstream else { return }
        phase = .forwarding
        worker.running.insert(self)
        if let connection = worker.pool.takeIdle(upstream) { return use(connection) }
        worker.pool.connect(upstream).assumeIsolated().whenComplete { [self] result in
            switch result {
            case .success(let connection):
                guard phase == .forwarding else { return worker.pool.giveBack(connection) }
                use(connection)
            case .failure(let error):
                guard phase == .forwarding else { return }
                badGateway(error)
            }
        }
    }

    private func use(_ connection: UpstreamConnection) {
        guard let upstream = backend?.upstream, let target = match?.upstreamTarget else { return }
        upstreamConnection = connection
        var request = HTTPRequestHead(version: .http1_1, method: head.method, uri: target)
        request.headers = HeaderRules.forUpstream(head.headers, without: ownHeaders)
        request.headers.add(name: "host", value: upstream.authority)
        if let credential { request.headers.add(name: credential.header, value: credential.value) }
        if counter != nil { request.headers.replaceOrAdd(name: "accept-encoding", value: "identity") }
        request.headers.add(name: "gatewatch-request-id", value: uid)
        if bodyIsComplete {
            // Held back for inspection, so its length is known however it came.
            let length = pendingBody.reduce(0) { $0 + $1.readableBytes }
            if length > 0 || framing != .none { request.headers.add(name: "content-length", value: "\(length)") }
        } else {
            switch framing {
            case .none: break
            case .length(let length): request.headers.add(name: "content-length", value: "\(length)")
            case .chunked: request.headers.add(name: "transfer-encoding", value: "chunked")
            }
        }
        isReplayable = bodyIsComplete
        connection.send(request, for: self)
        for part in pendingBody { connection.send(part) }
        // A retry needs what was sent; only what was held whole can be sent again.
        if !bodyIsComplete { pendingBody.removeAll() }
        if bodyIsComplete {
            connection.sendEnd(nil)
        } else {
            connection.flush()
            sendContinue()
            client.resumeReading()
        }
    }

    /// The client waits for permission to send its body.
    func sendContinue() {
        guard expectsContinue else { return }
        expectsContinue = false
        client.writeContinue()
    }

    // MARK: Request body

    func forwardBody(_ bytes: ByteBuffer) {
        if let limit = requestLimit, requestBytes > Int64(limit) {
            return refuseBody(limit)
        }
        guard let upstreamConnection else { return pendingBody.append(bytes) }
        upstreamConnection.send(bytes)
        upstreamConnection.flush()
    }

    func forwardEnd() {
        bodyIsComplete = true
        upstreamConnection?.sendEnd(nil)
    }

    // MARK: Answer

    var mayRead: Bool { client.isWritable }

    func upstreamHead(_ response: HTTPResponseHead) {
        guard phase == .forwarding else { return }
        guard response.status.code >= 200 else {
            // 101: an upgrade that nobody asked for.
            upstreamConnection?.abandon()
            return badGateway(UpstreamPool.Failure.closed)
        }
        phase = .answering
        pendingBody.removeAll()
        var answer = HTTPResponseHead(version: .http1_1, status: response.status)
        answer.headers = HeaderRules.forClient(response.headers)
        let hasBody = head.method != .HEAD && response.status.mayHaveResponseBody
        // The parser goes by the transfer coding where an answer has both.
        let isChunked = response.headers.contains(name: "transfer-encoding")
        if isChunked || response.status == .noContent { answer.headers.remove(name: "content-length") }
        guard let length = HeaderRules.length(answer.headers) else {
            upstreamConnection?.abandon()
            return badGateway(UnreadableLength())
        }
        var closes = false
        if hasBody {
            if let length {
                announced = length
            } else if head.version.hasPersistence || isHTTP2 {
                if !isHTTP2 { answer.headers.add(name: "transfer-encoding", value: "chunked") }
            } else {
                answer.version = head.version
                closes = true
            }
        }
        if !hasBody || !(200..<300).contains(response.status.code)
            || response.headers.contains(name: "content-encoding") || !Self.isJSON(response.headers)
        {
            counter = nil
        }
        answer.headers.add(name: "gatewatch-request-id", value: uid)
        if let waited = appliedWait { answer.headers.add(name: "preference-applied", value: "wait=\(waited)") }
        record.status = Int(response.status.code)
        recordAnswer(answer)
        if let announced, announced >= Self.streamBytes, !recordStream(announced) { return }
        client.write(answer, closes: closes)
    }

    private static func isJSON(_ headers: HTTPHeaders) -> Bool {
        guard let type = headers.first(name: "content-type")?.prefix(while: { $0 != ";" }).lowercased() else {
            return false
        }
        return type.hasPrefix("application/json") || type.hasPrefix("application/") && type.contains("+json")
    }

    func upstreamBody(_ bytes: ByteBuffer) {
        guard phase == .answering else { return }
        let count = Int64(bytes.readableBytes)
        responseBytes += count
        bytes.withUnsafeReadableBytes { counter?.feed($0) }
        recordAnswer(bytes)
        if announced == nil, responseBytes >= Self.streamBytes, responseBytes - count < Self.streamBytes {
            guard recordStream(nil) else { return }
        }
        // Recorded before the client can have everything.
        if let announced, responseBytes >= announced, !recordEnd() { return }
        client.write(bytes)
    }

    func upstreamReadComplete() {
        if phase == .answering { client.flush() }
    }

    func upstreamEnd(_ trailers: HTTPHeaders?) {
        guard phase == .answering, recordEnd() else { return }
        finish()
        client.writeEnd(trailers.map { HeaderRules.trailersForClient($0) })
    }

    func upstreamBecameWritable() {
        client.resumeReading()
    }

    func clientBecameWritable() {
        upstreamConnection?.resumeReading()
    }

    func upstreamFailed(_ error: any Error, answerHadBegun: Bool) {
        let reused = upstreamConnection?.wasUsed == true
        upstreamConnection = nil
        switch phase {
        case .forwarding:
            // The upstream had closed a waiting connection; nobody has acted on the request yet.
            let isIdempotent = [.GET, .HEAD, .PUT, .DELETE, .OPTIONS].contains(head.method)
            if reused, !answerHadBegun, isReplayable, isIdempotent, !isTimeout(error) {
                worker.core.metrics.retries.increment()
                return forward()
            }
            badGateway(error)
        case .answering:
            record.disposition = .error
            record.reason = "upstream_incomplete"
            record.detail = "The upstream's answer broke off after \(responseBytes) bytes: \(error)"
            recordBroken()
            finish()
            client.abort()
        case .deciding, .collecting, .done:
            break
        }
    }

    /// The upstream's Content-Length is not one number.
    struct UnreadableLength: Error, CustomStringConvertible {
        let description = "the upstream's Content-Length is not one number"
    }

    private func isTimeout(_ error: any Error) -> Bool {
        if error is UpstreamConnection.Timeout { return true }
        if case ChannelError.connectTimeout = error { return true }
        return false
    }

    private func badGateway(_ error: any Error) {
        let timedOut = isTimeout(error)
        let busy = if case UpstreamPool.Failure.tooManyConnections = error { true } else { false }
        worker.core.logger.warning(
            "a request could not be forwarded: \(error)",
            metadata: ["connection": "\(record.service ?? "")", "request": "\(uid)"])
        record.disposition = .error
        refuse(
            Problem(
                kind: timedOut ? "upstream-timeout" : "upstream-unavailable",
                status: timedOut ? .gatewayTimeout : busy ? .serviceUnavailable : .badGateway,
                title: timedOut ? "The service did not answer in time" : "The service could not be reached",
                detail: "The request was allowed, but the service behind the gateway did not answer it.",
                instance: uid, retryAfter: busy ? 1 : nil),
            reason: timedOut ? "upstream_timeout" : "upstream_unavailable", detail: "\(error)")
    }

    private func refuseBody(_ limit: Int) {
        upstreamConnection?.abandon()
        upstreamConnection = nil
        guard phase == .forwarding else {
            record.reason = "request_too_large"
            record.detail = "The request's body grew over \(limit) bytes."
            record.disposition = .denied
            recordBroken()
            finish()
            return client.abort()
        }
        record.disposition = .denied
        refuse(
            .tooLarge(limit, instance: uid), reason: "request_too_large",
            detail: "The request's body grew over \(limit) bytes.")
    }

    /// A slow client, seen by the timer of its connection.
    func clientIsTooSlow() {
        upstreamConnection?.abandon()
        upstreamConnection = nil
        record.disposition = .dropped
        switch phase {
        case .deciding, .collecting, .forwarding:
            refuse(
                Problem(
                    kind: "request-timeout", status: .requestTimeout, title: "The request came too slowly",
                    detail: "Send the body without long pauses.", instance: uid),
                reason: "client_slow", detail: "The client was too slow in sending its request.")
        case .answering:
            record.reason = "client_slow"
            record.detail = "The client took too little of the answer; \(responseBytes) bytes were read for it."
            recordBroken()
            finish()
            client.abort()
        case .done: break
        }
    }

    /// The client has closed its connection.
    func clientLeft() {
        guard phase != .done else { return }
        upstreamConnection?.abandon()
        upstreamConnection = nil
        record.reason = "client_closed"
        record.detail = "The client closed the connection after \(responseBytes) bytes of the answer."
        if record.status == 0 { record.status = 499 }
        record.disposition = .dropped
        recordBroken()
        finish()
    }
}

extension Problem {
    static func tooLarge(_ limit: Int, instance: String) -> Problem {
        Problem(
            kind: "request-too-large", status: .payloadTooLarge, title: "The request is too large",
            detail: "At most \(limit) bytes are taken here.", instance: instance)
    }
}
