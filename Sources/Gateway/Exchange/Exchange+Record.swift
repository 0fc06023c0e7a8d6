// SPDX-License-Identifier: Apache-2.0

import AuditSpool
import Connections
import Logging
import NIOCore
import NIOHTTP1

/// What is written about an exchange, and when: before the client can have the whole answer. One event per request; a long answer
/// has its event when it begins, and a second one, which names the first, when it ended otherwise than announced.
extension Exchange {
    /// From so many bytes on an answer is reported when it begins.
    static let streamBytes: Int64 = 1 << 20

    /// The answer is long and begins now. False when it cannot be recorded; then it is not given either.
    func recordStream(_ announced: Int64?) -> Bool {
        record.responseBytes = announced ?? 0
        record.isStream = true
        guard append() else {
            upstreamConnection?.abandon()
            upstreamConnection = nil
            if self.announced == nil {
                // Its head has gone out already.
                finish()
                client.abort()
            } else {
                refuseUnrecorded()
            }
            return false
        }
        streamIsRecorded = true
        return true
    }

    /// The answer is complete.
    func recordEnd() -> Bool {
        guard !isRecorded else { return true }
        isRecorded = true
        record.responseBytes = responseBytes
        if let counter { record.items = counter.items }
        // The event of a stream whose length was announced is there already.
        let isTold = !streamIsRecorded ? append() : announced != nil || continueStream()
        return isTold && keepRecording(isWhole: true) || cannotRecord()
    }

    /// The answer ended before its end.
    func recordBroken() {
        guard !isRecorded else { return }
        isRecorded = true
        record.responseBytes = responseBytes
        if let counter { record.items = counter.items }
        let written = streamIsRecorded ? continueStream() : append()
        _ = keepRecording(isWhole: false)
        if !written {
            worker.core.logger.critical("an audit event could not be recorded", metadata: ["request": "\(uid)"])
        }
    }

    private func continueStream() -> Bool {
        record.correlation = record.uid
        record.uid = worker.core.newUID()
        record.isStream = false
        return append()
    }

    private func cannotRecord() -> Bool {
        upstreamConnection?.abandon()
        upstreamConnection = nil
        worker.core.logger.critical(
            "an audit event could not be recorded, the answer was cut", metadata: ["request": "\(uid)"])
        finish()
        client.abort()
        return false
    }

    private func append() -> Bool {
        let core = worker.core
        record.time = core.now()
        record.duration = max(0, record.time - startedAt)
        record.requestBytes = requestBytes
        return core.append(record, isReserved: isReserved)
    }

    // MARK: Refusals

    /// Records the refusal, then gives it.
    func refuse(_ problem: Problem, reason: String, detail: String) {
        record.status = Int(problem.status.code)
        record.reason = reason
        record.detail = detail
        if record.disposition == .allowed { record.disposition = .denied }
        let body = problem.body
        responseBytes = Int64(body.count)
        record.responseBytes = responseBytes
        isRecorded = true
        worker.core.metrics.refused(reason)
        guard append() else { return refuseUnrecorded() }
        recordAnswer(problem.headers(length: body.count), body)
        _ = keepRecording(isWhole: true)
        answer(problem, body)
    }

    /// Neither Kafka nor the spool takes an event: nothing is done that could not be told.
    func refuseUnrecorded() {
        isRecorded = true
        worker.core.metrics.refused("unrecordable")
        let problem = Problem(
            kind: "not-recordable", status: .serviceUnavailable, title: "The gateway cannot record requests now",
            detail: "Requests that cannot be recorded are not served. Try again; the operators have been told.",
            instance: uid, retryAfter: 5)
        answer(problem, problem.body)
    }

    private func answer(_ problem: Problem, _ body: [UInt8]) {
        upstreamConnection?.abandon()
        upstreamConnection = nil
        answer(problem.status, problem.headers(length: body.count), body)
    }

    /// Records and gives an answer of the gateway's own.
    func answerOwn(_ body: [UInt8]) {
        record.status = 200
        responseBytes = Int64(body.count)
        let headers: HTTPHeaders = [
            "content-type": "application/json", "content-length": "\(body.count)", "cache-control": "no-store",
        ]
        recordAnswer(headers, body)
        guard recordEnd() else { return }
        answer(.ok, headers, body)
    }

    private func answer(_ status: HTTPResponseStatus, _ headers: HTTPHeaders, _ body: [UInt8]) {
        var response = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        response.headers.add(name: "gatewatch-request-id", value: uid)
        if let waited = appliedWait { response.headers.add(name: "preference-applied", value: "wait=\(waited)") }
        // A client that waits for 100 sends no body now; one that has sent much would not see the answer.
        let closes = closesClient || expectsContinue && client.bodyIsComing
        finish()
        client.write(response, closes: closes)
        if head.method != .HEAD { client.write(ByteBuffer(bytes: body)) }
        client.writeEnd(nil)
    }

    /// The exchange is over: it holds nothing any more.
    func finish() {
        guard phase != .done else { return }
        phase = .done
        worker.running.remove(self)
        cancelWaiting()
        pendingBody.removeAll()
        releaseInspection()
        dropRecording()
        if isReserved {
            isReserved = false
            worker.core.spool.release()
            worker.core.recorder?.release()
        }
    }
}
