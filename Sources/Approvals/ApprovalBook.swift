// SPDX-License-Identifier: Apache-2.0

package import Signing

/// The requests for approval that a gateway knows: fed with the records of the topic of approvals, asked before a request
/// that needs one.
///
/// A value: keep it behind one lock. Records may come in any order and any number of times. Nothing here reads a clock:
/// `now` is ms since the epoch, UTC. To survive a restart, keep the record of every outcome whose `persists` is true
/// under its key, drop the keys that ``expire(now:)`` returns, and feed what is kept to ``apply(_:key:now:)`` again.
package struct ApprovalBook: Sendable {
    /// What a person configures.
    package struct Options: Sendable, Equatable {
        /// Requests that are remembered in all.
        package var maximumRequests: Int
        /// Undecided requests of one requester; past it nothing more can be asked.
        package var maximumPending: Int
        /// Requests of one requester that are remembered.
        package var maximumPerRequester: Int

        /// Defaults for one gateway.
        package init(maximumRequests: Int = 100_000, maximumPending: Int = 20, maximumPerRequester: Int = 1000) {
            self.maximumRequests = maximumRequests
            self.maximumPending = maximumPending
            self.maximumPerRequester = maximumPerRequester
        }
    }

    /// The most decisions and uses that wait for their requests.
    package static let maximumEarly = 100_000

    struct Given: Sendable {
        let decision: ApprovalDecision
        let signatory: Signatory
    }

    struct Entry: Sendable {
        let request: ApprovalRequest
        /// One per signatory; a denial replaces its holder's approval.
        var decisions: [Given] = []
        var usedAt: Int64?
        /// Counts uses of this gateway whose record has not come back yet.
        var isUsedHere = false
    }

    /// What came before its request.
    struct Early: Sendable {
        var decisions: [Given] = []
        var use: ApprovalUse?
        /// When to forget it.
        var until: Int64
        var count: Int { decisions.count + (use == nil ? 0 : 1) }
    }

    /// A requester's question.
    struct Question: Hashable, Sendable {
        let requester: FoldedName
        let fingerprint: String
    }

    /// Whose records are believed.
    package let keys: TrustedKeys
    /// Which names are one person's.
    package let aliases: IdentityAliases
    /// Bounds.
    package let options: Options

    var entries: [String: Entry] = [:]
    var byQuestion: [Question: [String]] = [:]
    var byRequester: [FoldedName: Set<String>] = [:]
    private var early: [String: Early] = [:]
    private var earlyCount = 0
    private var nextExpiry = Int64.max

    /// An empty book.
    package init(keys: TrustedKeys, aliases: IdentityAliases = IdentityAliases(), options: Options = Options()) {
        self.keys = keys
        self.aliases = aliases
        self.options = options
    }

    // MARK: Records

    /// Takes a record of the topic. `value` is nil for a tombstone.
    package mutating func apply(_ value: [UInt8]?, key: String, now: Int64) -> ApprovalOutcome {
        guard let name = ApprovalKey(key) else { return .refused(.badKey(key)) }
        guard let value else { return .refused(.tombstone(key: key)) }
        do {
            switch name {
            case .request(let id): return try takeRequest(value, id: id, now: now)
            case .decision(let id, let signer): return try takeDecision(value, id: id, signer: signer, now: now)
            case .use(let id): return try takeUse(value, id: id, now: now)
            }
        } catch {
            return .refused(error)
        }
    }

    private mutating func takeRequest(
        _ value: [UInt8], id: String, now: Int64
    ) throws(ApprovalRefusal) -> ApprovalOutcome {
        let (request, key) = try verified(value, as: ApprovalRequest.self, type: .approvalRequest)
        do { try request.validate() } catch { throw .malformed(error.description) }
        guard request.id == id else { throw .keyMismatch(key: id, expected: request.id) }
        guard key.role == .gateway else { throw .notAllowed(keyName: key.name, to: "ask for approval") }
        guard request.createdAt <= now + ApprovalRequest.maximumSkew else {
            throw .fromTheFuture(milliseconds: request.createdAt - now)
        }
        guard now < Self.horizon(request) else { throw .expired }
        guard entries[id] == nil else { return .duplicate(id: id) }
        let requester = aliases.canonical(request.requester)
        if entries.count >= options.maximumRequests { _ = sweep(now: now) }
        guard entries.count < options.maximumRequests else {
            throw .tooManyRequests(limit: options.maximumRequests)
        }
        guard byRequester[requester]?.count ?? 0 < options.maximumPerRequester else {
            throw .tooManyRequests(limit: options.maximumPerRequester)
        }

        var entry = Entry(request: request)
        if let waiting = early.removeValue(forKey: id) {
            earlyCount -= waiting.count
            // What may not decide this request was only waiting to be told so.
            entry.decisions = waiting.decisions.filter { refusal(of: $0, for: request) == nil }
            entry.usedAt = waiting.use?.at
        }
        entries[id] = entry
        byQuestion[Question(requester: requester, fingerprint: request.fingerprint), default: []].append(id)
        byRequester[requester, default: []].insert(id)
        expires(at: Self.horizon(request))
        return .requested(request)
    }

    private mutating func takeDecision(
        _ value: [UInt8], id: String, signer: String, now: Int64
    ) throws(ApprovalRefusal) -> ApprovalOutcome {
        let (decision, key) = try verified(value, as: ApprovalDecision.self, type: .approvalDecision)
        do { try decision.validate() } catch { throw .malformed(error.description) }
        let known = Signatory(of: key, named: decision.by, groups: decision.groups ?? [])
        let name = known?.recordName ?? key.name
        guard decision.requestID == id, name == signer else {
            throw .keyMismatch(
                key: ApprovalKey.decision(request: id, signer: signer).text,
                expected: ApprovalKey.decision(request: decision.requestID, signer: name).text)
        }
        guard key.may.contains(.approve) else { throw .notAllowed(keyName: key.name, to: "approve") }
        guard let signatory = known else { throw .wrongPerson(keyName: key.name, claimed: decision.by) }
        guard decision.at <= now + ApprovalRequest.maximumSkew else {
            throw .fromTheFuture(milliseconds: decision.at - now)
        }
        let given = Given(decision: decision, signatory: signatory)
        guard var entry = entries[id] else {
            return try wait(for: id, until: decision.at + Self.longest, now: now) { early in
                Self.add(given, to: &early.decisions)
            }
        }
        if let refusal = refusal(of: given, for: entry.request) { throw refusal }
        guard Self.add(given, to: &entry.decisions) else { return .duplicate(id: id) }
        entries[id] = entry
        return .changed(entry.request, status(of: entry, now: now))
    }

    private mutating func takeUse(_ value: [UInt8], id: String, now: Int64) throws(ApprovalRefusal) -> ApprovalOutcome {
        let (use, key) = try verified(value, as: ApprovalUse.self, type: .approvalUse)
        do { try use.validate() } catch { throw .malformed(error.description) }
        guard use.requestID == id else {
            throw .keyMismatch(
                key: ApprovalKey.use(request: id).text, expected: ApprovalKey.use(request: use.requestID).text)
        }
        guard key.role == .gateway else { throw .notAllowed(keyName: key.name, to: "use approvals") }
        guard use.gateway == key.name else { throw .wrongPerson(keyName: key.name, claimed: use.gateway) }
        guard use.at <= now + ApprovalRequest.maximumSkew else { throw .fromTheFuture(milliseconds: use.at - now) }
        guard var entry = entries[id] else {
            return try wait(for: id, until: use.at + Self.longest, now: now) { early in
                guard early.use == nil else { return false }
                early.use = use
                return true
            }
        }
        // This gateway's own use comes back from the topic, and is then worth keeping.
        guard entry.usedAt == nil || entry.isUsedHere else { return .duplicate(id: id) }
        entry.usedAt = entry.usedAt ?? use.at
        entry.isUsedHere = false
        entries[id] = entry
        return .changed(entry.request, status(of: entry, now: now))
    }

    private func verified<Value: Decodable>(
        _ value: [UInt8], as type: Value.Type, type record: RecordType
    ) throws(ApprovalRefusal) -> (Value, TrustedKey) {
        let verified: VerifiedRecord
        do { verified = try keys.verify(value, type: record) } catch { throw .signature(error) }
        do {
            return (try RecordJSON.decode(type, from: verified.payload), verified.key)
        } catch {
            throw .malformed(error.description)
        }
    }

    /// Adds a decision. False when it changes nothing: its signatory has said so before, or has denied for good.
    private static func add(_ given: Given, to decisions: inout [Given]) -> Bool {
        guard
            let index = decisions.firstIndex(where: {
                $0.signatory.recordName == given.signatory.recordName
            })
        else {
            decisions.append(given)
            return true
        }
        guard given.decision.verdict == .deny, decisions[index].decision.verdict == .approve else { return false }
        decisions[index] = given
        return true
    }

    private mutating func wait(
        for id: String, until: Int64, now: Int64, _ body: (inout Early) -> Bool
    ) throws(ApprovalRefusal) -> ApprovalOutcome {
        guard now < until else { throw .expired }
        var waiting = early[id] ?? Early(until: until)
        let before = waiting.count
        guard body(&waiting) else { return .duplicate(id: id) }
        guard earlyCount + waiting.count - before <= Self.maximumEarly else {
            throw .tooManyRequests(limit: Self.maximumEarly)
        }
        waiting.until = max(waiting.until, until)
        earlyCount += waiting.count - before
        early[id] = waiting
        expires(at: waiting.until)
        return .early(requestID: id)
    }

    // MARK: Time

    /// How long after its making a decision or a use can matter to somebody who reads the topic from its beginning, ms.
    private static let longest =
        ApprovalRequest.maximumValidity + ApprovalDecision.maximumValidity + ApprovalRequest.maximumSkew

    /// When nothing can be approved or used under a request any more.
    static func horizon(_ request: ApprovalRequest) -> Int64 { request.expiresAt + ApprovalDecision.maximumValidity }

    /// Forgets what is past its time. Returns the keys of records that need not be kept any more.
    package mutating func expire(now: Int64) -> [String] {
        guard now >= nextExpiry else { return [] }
        return sweep(now: now)
    }

    private mutating func expires(at time: Int64) { nextExpiry = min(nextExpiry, time) }

    private mutating func sweep(now: Int64) -> [String] {
        var dropped: [String] = []
        nextExpiry = .max
        func drop(_ id: String, _ decisions: [Given]) {
            dropped += decisions.map { ApprovalKey.decision(request: id, signer: $0.signatory.recordName).text }
            dropped.append(ApprovalKey.use(request: id).text)
        }
        for (id, entry) in entries {
            let horizon = Self.horizon(entry.request)
            guard now >= horizon else {
                expires(at: horizon)
                continue
            }
            entries[id] = nil
            forget(entry.request)
            dropped.append(id)
            drop(id, entry.decisions)
        }
        for (id, waiting) in early {
            guard now >= waiting.until else {
                expires(at: waiting.until)
                continue
            }
            early[id] = nil
            earlyCount -= waiting.count
            drop(id, waiting.decisions)
        }
        return dropped
    }

    private mutating func forget(_ request: ApprovalRequest) {
        let requester = aliases.canonical(request.requester)
        let question = Question(requester: requester, fingerprint: request.fingerprint)
        byQuestion[question]?.removeAll { $0 == request.id }
        if byQuestion[question]?.isEmpty ?? false { byQuestion[question] = nil }
        byRequester[requester]?.remove(request.id)
        if byRequester[requester]?.isEmpty ?? false { byRequester[requester] = nil }
    }
}
