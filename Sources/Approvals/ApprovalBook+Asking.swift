// SPDX-License-Identifier: Apache-2.0

import Signing

/// A request as a gateway would put it to approvers.
package struct ApprovalQuestion: Sendable, Equatable {
    /// Members as in ``ApprovalRequest``.
    package var requester: String
    package var connection: String
    package var operation: String
    package var resources: [String]
    package var accessClass: String
    package var policy: String
    package var reason: String
    package var justification: String?
    package var items: Int64?
    package var bytes: Int64?
    package var needed: Int
    package var approvers: [String]
    /// How long it can be decided, ms.
    package var validity: Int64

    /// A question; what is wrong with it is told by ``ApprovalBook/ask(_:now:)``.
    package init(
        requester: String, connection: String, operation: String, resources: [String], accessClass: String,
        policy: String, reason: String, justification: String? = nil, items: Int64? = nil, bytes: Int64? = nil,
        needed: Int = 1, approvers: [String] = [], validity: Int64 = ApprovalRequest.defaultValidity
    ) {
        self.requester = requester
        self.connection = connection
        self.operation = operation
        self.resources = resources
        self.accessClass = accessClass
        self.policy = policy
        self.reason = reason
        self.justification = justification
        self.items = items
        self.bytes = bytes
        self.needed = needed
        self.approvers = approvers
        self.validity = validity
    }
}

/// What a gateway asks the book.
extension ApprovalBook {
    /// The request to put to approvers. The same requester asking the same again gets the same request: the open or
    /// denied one until it expires; `isNew` says whether it must be signed, published and applied.
    ///
    /// The id is made of the question, the period of `validity` in which it falls and how many such requests were used
    /// up in it, so that two gateways that are asked at once make the same one.
    ///
    /// - Throws: ``ApprovalRefusal/tooManyRequests(limit:)``, or `.malformed` where the question is no request.
    package func ask(
        _ question: ApprovalQuestion, now: Int64
    ) throws(ApprovalRefusal) -> (request: ApprovalRequest, isNew: Bool) {
        let fingerprint = ApprovalRequest.fingerprint(
            connection: question.connection, operation: question.operation, resources: question.resources)
        let requester = aliases.canonical(question.requester)
        let asked = (byQuestion[Question(requester: requester, fingerprint: fingerprint)] ?? [])
            .compactMap { entries[$0] }
        if let open = asked.first(where: {
            isOpen($0, now: now) && Self.reaches($0.request, question.items, question.bytes)
        }) {
            return (open.request, false)
        }
        guard question.validity > 0 else { throw .malformed("the validity is not positive") }
        for attempt in 0...options.maximumPerRequester {
            let id = ApprovalRequest.id(
                requester: question.requester, fingerprint: fingerprint, items: question.items, bytes: question.bytes,
                createdAt: now, validity: question.validity, attempt: attempt)
            // An id that is there already belongs to a request that was used or has run out.
            if entries[id] != nil { continue }
            let pending = (byRequester[requester] ?? []).count { id in
                entries[id].map { if case .pending = status(of: $0, now: now) { true } else { false } } ?? false
            }
            guard pending < options.maximumPending else { throw .tooManyRequests(limit: options.maximumPending) }
            let request = ApprovalRequest(
                id: id, requester: question.requester, connection: question.connection, operation: question.operation,
                resources: Set(question.resources).sorted(), accessClass: question.accessClass,
                policy: question.policy, reason: question.reason, justification: question.justification,
                items: question.items, bytes: question.bytes, fingerprint: fingerprint, createdAt: now,
                expiresAt: now + question.validity, needed: question.needed, approvers: question.approvers,
                attempt: attempt)
            do { try request.validate() } catch { throw .malformed(error.description) }
            return (request, true)
        }
        throw .tooManyRequests(limit: options.maximumPerRequester)
    }

    /// Whether asking again leads to the same request: it waits, was refused, or is approved and unused.
    private func isOpen(_ entry: Entry, now: Int64) -> Bool {
        switch status(of: entry, now: now) {
        case .pending, .approved: true
        case .denied: now < entry.request.expiresAt
        case .used, .expired: false
        }
    }

    private static func reaches(_ request: ApprovalRequest, _ items: Int64?, _ bytes: Int64?) -> Bool {
        func reaches(_ allowed: Int64?, _ asked: Int64?) -> Bool {
            guard let asked else { return true }
            // An approver who saw no number did not agree to any.
            return allowed.map { asked <= $0 } ?? false
        }
        return reaches(request.items, items) && reaches(request.bytes, bytes)
    }

    /// How a request stands; nil when it is not known.
    package func status(_ id: String, now: Int64) -> ApprovalStatus? {
        entries[id].map { status(of: $0, now: now) }
    }

    /// What persons said of a request, in the order in which it came here; empty where it is not known.
    package func decisions(_ id: String) -> [ApprovalDecision] { entries[id]?.decisions.map(\.decision) ?? [] }

    /// A request by its id.
    package func request(_ id: String) -> ApprovalRequest? { entries[id]?.request }

    /// Requests that wait for a decision, the oldest first.
    package func pending(now: Int64) -> [ApprovalRequest] {
        entries.values.filter { if case .pending = status(of: $0, now: now) { true } else { false } }.map(\.request)
            .sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
    }

    /// Requests that are remembered.
    package var count: Int { entries.count }

    /// The id of an approval under which a request may pass; nil when there is none. Call ``use(_:gateway:now:)`` before
    /// it passes.
    ///
    /// - Parameters:
    ///   - items: how many are asked for now; nil where that is not limited.
    ///   - bytes: as `items`.
    package func covering(
        requester: String, fingerprint: String, items: Int64? = nil, bytes: Int64? = nil, now: Int64
    ) -> String? {
        let question = Question(requester: aliases.canonical(requester), fingerprint: fingerprint)
        var once: String?
        for id in byQuestion[question] ?? [] {
            guard let entry = entries[id], case .approved(let kind, _, _) = status(of: entry, now: now),
                Self.reaches(entry.request, items, bytes)
            else { continue }
            // A one-time approval is kept for when there is no other.
            if kind == .window { return id }
            once = once ?? id
        }
        return once
    }

    /// Uses an approval for one request. Returns the record to sign, publish and keep for a one-time approval, nil for
    /// one that holds for a time. From then on a one-time approval covers nothing, here at once and at other gateways
    /// when the record reaches them.
    ///
    /// - Throws: ``ApprovalRefusal/notApproved(id:)``.
    package mutating func use(_ id: String, gateway: String, now: Int64) throws(ApprovalRefusal) -> ApprovalUse? {
        guard var entry = entries[id], case .approved(let kind, _, _) = status(of: entry, now: now) else {
            throw .notApproved(id: id)
        }
        guard kind == .once else { return nil }
        entry.usedAt = now
        entry.isUsedHere = true
        entries[id] = entry
        return ApprovalUse(requestID: id, gateway: gateway, at: now)
    }

    // MARK: Judging

    /// Why somebody may not decide a request; nil when they may.
    func refusal(of given: Given, for request: ApprovalRequest) -> ApprovalRefusal? {
        let decision = given.decision
        let signatory = given.signatory
        guard let person = signatory.person else { return .notAllowed(keyName: signatory.key.name, to: "approve") }
        if aliases.areSame(request.requester, person) { return .ownRequest(person: person) }
        let isApprover =
            request.approvers.isEmpty
            || request.approvers.contains { name in
                // A hub's key is many persons'.
                signatory.key.role == .person && name == signatory.key.name || signatory.groups.contains(name)
                    || aliases.areSame(name, person)
            }
        guard isApprover else { return .notAnApprover(person: person) }
        if decision.at < request.createdAt - ApprovalRequest.maximumSkew { return .decisionBeforeRequest }
        // A denial may come at any time: it takes an approval back.
        if decision.verdict == .approve, decision.at >= request.expiresAt { return .expired }
        return nil
    }

    func status(of entry: Entry, now: Int64) -> ApprovalStatus {
        let request = entry.request
        if let denial = entry.decisions.first(where: { $0.decision.verdict == .deny })?.decision {
            return .denied(by: denial.by, reason: denial.reason)
        }
        if let usedAt = entry.usedAt { return .used(at: usedAt) }
        var people: Set<FoldedName> = []
        for given in entry.decisions { people.insert(aliases.canonical(given.decision.by)) }
        guard people.count >= request.needed else {
            return now < request.expiresAt
                ? .pending(have: people.count, need: request.needed, expiresAt: request.expiresAt) : .expired
        }
        let decisions = entry.decisions.map(\.decision)
        let until = decisions.map(\.validUntil).min() ?? 0
        guard now < until else { return .expired }
        let kind: ApprovalDecision.Kind = decisions.contains { $0.kind == .once } ? .once : .window
        return .approved(kind, validUntil: until, by: decisions.map(\.by).sorted())
    }
}
