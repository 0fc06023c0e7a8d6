// SPDX-License-Identifier: Apache-2.0

import Approvals
import AuditEvent
import Connections
import Logging
import Metrics
import NIOCore
import NIOHTTP1
import OIDC
import Orders
import Signing

/// May they: orders, then what the request is, then policy, then an approval where one is needed.
extension Exchange {
    /// The caller is known.
    func decide() {
        let path = String(head.uri.prefix { $0 != "?" })
        if path.hasPrefix(StatusPages.prefix) {
            if !isRefusedByOrder(connection: "gatewatch", operation: .sessionOpen, sensitive: false) {
                answerStatus(path)
            }
            return
        }
        let configuration = worker.core.configuration
        guard let destination = configuration.connections.route(host: head.headers.first(name: "host"), path: path),
            let backend = configuration.backend(destination.connection)
        else {
            // An order on everything comes before the news that there is nothing here.
            if isRefusedByOrder(connection: "", operation: .other, sensitive: true) { return }
            return refuse(
                Problem(
                    kind: "no-connection", status: .notFound, title: "No connection serves this path",
                    detail: "Ask the operators which path or host the service has here.", instance: uid),
                reason: "no_connection", detail: "No connection serves this host and path.")
        }
        connection = destination.connection
        self.backend = backend
        record.service = destination.connection.name
        record.host = backend.upstream.host
        record.policy = "\(destination.connection.name)/request"
        beginRecording()
        do throws(RequestRefusal) {
            let query = head.uri.firstIndex(of: "?").map { String(head.uri[head.uri.index(after: $0)...]) }
            let match = try destination.connection.match(
                method: head.method.rawValue, path: destination.path, query: query,
                hasHeader: { head.headers.contains(name: $0) })
            self.match = match
            describe(match)
            requestLimit = destination.connection.policy.limits.requestBytes
            switch match.body {
            case .inspect(let limit) where framing != .none:
                // Before its body is taken; the final word comes with the body.
                let name = destination.connection.name
                if isRefusedByOrder(connection: name, operation: match.operation, sensitive: match.isSensitive) {
                    return
                }
                collectBody(limit: limit)
            case .inspect, .none, .stream: judge(try match.facts(contentLength: declaredLength))
            }
        } catch {
            if isRefusedByOrder(connection: destination.connection.name, operation: .other, sensitive: true) { return }
            refuse(error)
        }
    }

    /// The body is here in whole.
    func inspect() {
        guard let match else { return }
        var body = pendingBody.first ?? ByteBuffer()
        if pendingBody.count > 1 {
            body = ByteBuffer()
            body.reserveCapacity(Int(requestBytes))
            for var part in pendingBody { body.writeBuffer(&part) }
            pendingBody = [body]
        }
        let headers = head.headers
        let facts = body.withUnsafeReadableBytes { bytes in
            Result<RequestFacts, RequestRefusal> { () throws(RequestRefusal) in
                try match.facts(
                    body: bytes, contentType: headers.first(name: "content-type"),
                    contentEncoding: headers.contains(name: "content-encoding")
                        ? headers[canonicalForm: "content-encoding"].joined(separator: ",") : nil)
            }
        }
        switch facts {
        case .success(let facts): judge(facts)
        case .failure(let refusal): refuse(refusal)
        }
    }

    private var declaredLength: Int? {
        switch framing {
        case .none: 0
        case .length(let length): Int(length)
        case .chunked: bodyIsComplete ? Int(requestBytes) : nil
        }
    }

    private func refuse(_ refusal: RequestRefusal) {
        refuse(
            Problem(
                kind: refusal.kind.rawValue, status: HTTPResponseStatus(statusCode: refusal.status),
                title: "The request is not accepted", detail: refusal.detail, instance: uid),
            reason: refusal.kind.rawValue, detail: refusal.detail)
    }

    // MARK: For the audit event

    private func describe(_ match: OperationMatch) {
        record.operation = match.operation.rawValue
        record.activity = match.activityID
        record.accessClass = match.accessClass == .none ? nil : match.accessClass.rawValue
    }

    private func describe(_ facts: RequestFacts) {
        record.operation = facts.operation.rawValue
        record.activity = facts.activityID
        record.accessClass = facts.accessClass == .none ? nil : facts.accessClass.rawValue
        // An event has a limit; a batch over thousands of names is told by its first ones and its items.
        record.resources = facts.resources.prefix(64).map { ($0.type, $0.name.limited(1024), $0.uid?.limited(256)) }
        record.items = facts.items == Int.max ? nil : facts.items
    }

    /// What an approval is for: every resource counts, also where there are more, or longer names, than a request for approval can
    /// list; those are in it by their hash.
    var approvalResources: [String] {
        let names = (facts?.resources ?? []).map { resource in
            let name = "\(resource.type):\(resource.name)" + (resource.uid.map { "@\($0)" } ?? "")
            let isPlain = !name.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
            if isPlain, name.utf8.count <= ApprovalRequest.maximumName { return name }
            let shown = String(
                String.UnicodeScalarView(name.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }))
            return shown.limited(400) + " (SHA-256 \(StableID.fingerprint([name])))"
        }.sorted()
        // An approval from before the order was given without knowing of it.
        let order = orderForApproval.map { ["order:\($0.id)"] } ?? []
        guard names.count + order.count > ApprovalRequest.maximumList else { return order + names }
        let listed = order + names.prefix(ApprovalRequest.maximumList - 1 - order.count)
        let rest = Array(names.dropFirst(listed.count - order.count))
        return listed + ["and \(rest.count) more (SHA-256 \(StableID.fingerprint(rest)))"]
    }

    // MARK: Orders

    /// Refuses when an order forbids the request. An order that calls for approval is kept for `judge`.
    private func isRefusedByOrder(connection: String, operation: AuditEvent.Operation, sensitive: Bool) -> Bool {
        guard let caller,
            let effect = worker.core.enforcement.effect(
                on: caller, connection: connection, operation: operation.rawValue, sensitive: sensitive,
                now: worker.core.now())
        else { return false }
        switch effect.action {
        case .requireApproval:
            orderForApproval = effect.order
            return false
        case .revokeTokens:
            record.order = effect.order.id
            record.disposition = .denied
            refuseToken(
                TokenRefusal(
                    .revoked, "The token was revoked by an order of the security team. Sign in again.",
                    principal: principal))
        case .block:
            record.order = effect.order.id
            record.policy = "order"
            refuse(
                Problem(
                    kind: "blocked", status: .forbidden, title: "Access is blocked",
                    detail: "An order of the security team blocks this access. Ask them, and give them the instance.",
                    instance: uid),
                reason: "blocked", detail: "Order \(effect.order.id): \(effect.order.reason)")
        }
        return true
    }

    /// An order has come into force while the exchange runs: does the exchange still stand?
    func review() {
        if awaited != nil, let connection, let facts {
            _ = isRefusedByOrder(connection: connection.name, operation: facts.operation, sensitive: facts.isSensitive)
            return
        }
        guard phase == .forwarding || phase == .answering, let caller, let connection, let facts,
            let effect = worker.core.enforcement.effect(
                on: caller, connection: connection.name, operation: facts.operation.rawValue,
                sensitive: facts.isSensitive, now: worker.core.now())
        else { return }
        // What was approved goes on until a stronger order comes.
        if effect.action == .requireApproval, approval != nil { return }
        upstreamConnection?.abandon()
        upstreamConnection = nil
        record.order = effect.order.id
        record.policy = "order"
        record.disposition = .denied
        worker.core.metrics.cut.increment()
        if phase == .forwarding, effect.action == .requireApproval {
            // The client sees nothing of what the upstream may have done. What was sent is not kept, so nobody waits here.
            phase = .deciding
            mayWait = false
            orderForApproval = effect.order
            worker.running.remove(self)
            return ask(Self.demandOfOrder)
        }
        if phase == .forwarding {
            return refuse(
                Problem(
                    kind: "blocked", status: .forbidden, title: "Access was stopped",
                    detail: "An order of the security team stopped this request.", instance: uid),
                reason: "cut", detail: "Order \(effect.order.id): \(effect.order.reason)")
        }
        record.reason = "cut"
        record.detail = "Order \(effect.order.id) cut the answer after \(responseBytes) bytes: \(effect.order.reason)"
        record.status = 403
        recordBroken()
        finish()
        client.abort()
    }

    private static let demandOfOrder = Decision.ApprovalDemand(
        policy: "order", detail: "An order of the security team asks for an approval.", needed: 1, approvers: [])

    // MARK: Policy

    private func judge(_ facts: RequestFacts) {
        guard let connection, let caller else { return }
        self.facts = facts
        describe(facts)
        // The body may have been long in coming, and may say more of the operation than the head.
        orderForApproval = nil
        record.order = nil
        if isRefusedByOrder(connection: connection.name, operation: facts.operation, sensitive: facts.isSensitive) {
            return
        }
        let core = worker.core
        let policy = connection.policy
        record.justification = policy.justificationHeader.flatMap { head.headers.first(name: $0) }?.limited(1024)
        record.change = head.headers.first(name: policy.changeHeader)?.limited(128)
        var covering: String?
        var decision = verdict(facts, isApproved: false)
        if case .needsApproval = decision {
            covering = core.enforcement.approval(
                covering: ApprovalRequest.fingerprint(
                    connection: connection.name, operation: facts.operation.rawValue, resources: approvalResources),
                requester: caller.identity, items: facts.items.map(Int64.init), now: core.now())
            if covering != nil { decision = verdict(facts, isApproved: true) }
        }
        switch decision {
        case .allow(let name):
            record.policy = name
            if let covering {
                guard core.enforcement.use(covering, now: core.now()) else { return judge(facts) }
                approval = covering
                record.approval = covering
            }
            start()
        case .deny(let denial):
            record.policy = denial.policy
            refuse(
                Problem(
                    kind: "policy", status: HTTPResponseStatus(statusCode: denial.status),
                    title: "Policy refuses the request",
                    detail: denial.detail, instance: uid),
                reason: "policy", detail: denial.detail)
        case .needsApproval(let demand):
            record.policy = demand.policy
            ask(demand)
        }
    }

    /// What policy, and an order for approval, say.
    private func verdict(_ facts: RequestFacts, isApproved: Bool) -> Decision {
        guard let match, let connection, let principal else {
            return .deny(.init(policy: "request", detail: "The request is not complete.", status: 403))
        }
        let decision = connection.policy.evaluate(
            match, facts,
            caller: PolicyCaller(
                groups: principal.groups, justification: record.justification, changeID: record.change,
                isApproved: isApproved), now: worker.core.now())
        guard let order = orderForApproval, !isApproved else { return decision }
        record.order = order.id
        switch decision {
        case .allow: return .needsApproval(Self.demandOfOrder)
        case .needsApproval(let demand):
            return .needsApproval(
                .init(
                    policy: demand.policy, detail: "\(demand.detail) \(Self.demandOfOrder.detail)",
                    needed: demand.needed,
                    approvers: demand.approvers))
        case .deny: return decision
        }
    }

    private func start() {
        guard let match, let backend else { return }
        if let limit = requestLimit, requestBytes > Int64(limit) { return refuseTooLarge(limit) }
        credential = backend.credential?.current { problem in
            worker.core.logger.warning(
                "the upstream's credential stays what it was: \(problem)",
                metadata: ["connection": "\(record.service ?? "")"])
        }
        counter = match.responseCounter()
        forward()
    }

    /// Fields that are for the gateway alone.
    var ownHeaders: [String?] {
        [credential?.header, connection?.policy.justificationHeader, connection?.policy.changeHeader]
    }
}
