// SPDX-License-Identifier: Apache-2.0

import Approvals
import AuditEvent
import Connections
import JSONText
import Logging
import NIOCore
import NIOHTTP1
import Orders
import Signing

/// A request that needs other people's consent: 403 with where to ask, or, with `Prefer: wait=N` (RFC 7240 §4.3), a wait for it.
extension Exchange {
    func ask(_ demand: Decision.ApprovalDemand) {
        guard let facts, let connection, let caller else { return }
        let core = worker.core
        let question = ApprovalQuestion(
            requester: caller.identity, connection: connection.name, operation: facts.operation.rawValue,
            resources: approvalResources, accessClass: facts.accessClass.rawValue, policy: demand.policy,
            reason: reason(demand), justification: record.justification, items: facts.items.map(Int64.init),
            needed: demand.needed, approvers: demand.approvers)
        do {
            let request = try core.enforcement.ask(question, now: core.now())
            record.approval = request.id
            if case .denied(let by, let reason) = core.enforcement.status(request.id, now: core.now())?.status {
                return refuseDenied(by, reason)
            }
            if mayWait, let seconds = preferredWait,
                case .pending = core.enforcement.status(request.id, now: core.now())?.status
            {
                return wait(for: request.id, demand, seconds: seconds)
            }
            refuseUntilApproved(request.id, demand)
        } catch {
            core.logger.warning("a request for approval was not made: \(error)", metadata: ["request": "\(uid)"])
            record.disposition = .denied
            refuse(
                Problem(
                    kind: "approval-unavailable", status: .forbidden,
                    title: "An approval is needed and cannot be asked for",
                    detail: "\(demand.detail) \(error)", instance: uid),
                reason: "approval_unavailable", detail: "\(demand.detail) It could not be asked for: \(error)")
        }
    }

    /// For approvers, who must know more than the client is told.
    private func reason(_ demand: Decision.ApprovalDemand) -> String {
        guard let order = orderForApproval else { return demand.detail }
        return "\(demand.detail) Order \(order.id): \(order.reason)".limited(ApprovalRequest.maximumWords)
    }

    private func refuseDenied(_ by: String, _ reason: String) {
        record.disposition = .denied
        refuse(
            Problem(
                kind: "approval-denied", status: .forbidden, title: "The approval was denied",
                detail: "Denied by \(by): \(reason)", instance: uid),
            reason: "approval_denied", detail: "Denied by \(by): \(reason)")
    }

    private func refuseUntilApproved(_ id: String, _ demand: Decision.ApprovalDemand) {
        record.disposition = .sentToApproval
        refuse(
            Problem(
                kind: "approval-required", status: .forbidden, title: "An approval is needed",
                detail: demand.detail + " Ask an approver to decide on it, then send the request again.", instance: uid,
                approval: (id, StatusPages.prefix + "approvals/" + id)),
            reason: "approval_required", detail: demand.detail)
    }

    /// The seconds of `Prefer: wait=N`, cut to the limit; nil without it.
    private var preferredWait: Int? {
        let values = head.headers["prefer"].flatMap { $0.split { $0 == "," || $0 == ";" } }
        for value in values {
            let name = value.prefix { $0 != "=" }.lowercased().filter { $0 != " " }
            guard name == "wait",
                let seconds = Int(value.drop { $0 != "=" }.dropFirst().filter { $0 != " " && $0 != "\"" })
            else { continue }
            return seconds > 0 ? min(seconds, worker.core.limits.approvalWait) : nil
        }
        return nil
    }

    private func wait(for id: String, _ demand: Decision.ApprovalDemand, seconds: Int) {
        appliedWait = seconds
        awaited = (id, demand)
        worker.waiting.insert(self)
        let me = NIOLoopBound(self, eventLoop: worker.eventLoop)
        waitTimer = worker.eventLoop.scheduleTask(in: .seconds(Int64(seconds))) {
            let me = me.value
            guard let awaited = me.stopWaiting() else { return }
            me.refuseUntilApproved(awaited.id, awaited.demand)
        }
    }

    private func stopWaiting() -> (id: String, demand: Decision.ApprovalDemand)? {
        defer { awaited = nil }
        waitTimer?.cancel()
        waitTimer = nil
        worker.waiting.remove(self)
        return awaited
    }

    /// A record of approvals has come: is this exchange's decided?
    func reviewApproval() {
        guard let awaited else { return }
        guard phase != .done else {
            _ = stopWaiting()
            return
        }
        switch worker.core.enforcement.status(awaited.id, now: worker.core.now())?.status {
        case .pending:
            // The order that asked for it may be gone.
            guard let order = orderForApproval, !worker.core.enforcement.isActive(order, now: worker.core.now())
            else { return }
            _ = stopWaiting()
            decideAgain()
        case .approved:
            _ = stopWaiting()
            // Orders and policy may have changed while it waited.
            decideAgain()
        case .denied(let by, let reason):
            _ = stopWaiting()
            refuseDenied(by, reason)
        case .used, .expired, nil:
            _ = stopWaiting()
            refuseUntilApproved(awaited.id, awaited.demand)
        }
    }

    /// The gateway is about to stop: the client may ask again elsewhere.
    func endWaiting() {
        guard let awaited = stopWaiting(), phase != .done else { return }
        refuseUntilApproved(awaited.id, awaited.demand)
    }

    /// Lets go of what waits, when the exchange ends otherwise.
    func cancelWaiting() { _ = stopWaiting() }
}

/// What the gateway itself answers: how an approval stands.
enum StatusPages {
    /// No connection's path may begin so.
    static let prefix = "/.gatewatch/"
}

extension Exchange {
    /// `GET /.gatewatch/approvals/ID`: for the requester alone; anybody else learns nothing from it.
    func answerStatus(_ path: String) {
        let core = worker.core
        record.service = "gatewatch"
        record.policy = "status"
        let id = String(path.dropFirst(StatusPages.prefix.count + "approvals/".count))
        guard path.hasPrefix(StatusPages.prefix + "approvals/"), head.method == .GET || head.method == .HEAD,
            let (request, status) = core.enforcement.status(id, now: core.now()), let caller,
            core.configuration.identities.aliases.areSame(request.requester, caller.identity)
        else {
            return refuse(
                Problem(
                    kind: "not-found", status: .notFound, title: "Nothing is here",
                    detail: "There is no approval of yours under this address.", instance: uid),
                reason: "not_found", detail: "No page of the gateway's own.")
        }
        var json = JSONWriter(capacity: 512)
        json.object {
            $0.field("id", request.id)
            $0.field("status", status.code)
            $0.field("connection", request.connection)
            $0.field("operation", request.operation)
            $0.field("reason", request.reason)
            $0.field("created_at", request.createdAt)
            $0.field("expires_at", request.expiresAt)
            switch status {
            case .pending(let have, let need, _):
                $0.field("approvals", have)
                $0.field("needed", need)
            case .approved(let kind, let until, let by):
                $0.field("kind", kind.rawValue)
                $0.field("valid_until", until)
                $0.array("by") { for name in by { $0.field(nil, name) } }
            case .denied(let by, let reason):
                $0.field("denied_by", by)
                $0.field("denial", reason)
            case .used, .expired: break
            }
        }
        answerOwn(json.bytes)
    }
}
