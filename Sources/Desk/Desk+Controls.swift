// SPDX-License-Identifier: Apache-2.0

package import Approvals
import AuditEvent
import Foundation
import GRDB
import Hub
package import Incidents
import Logging
package import Orders
package import Paging
import Signing

/// An order that a person is about to issue.
package struct OrderDraft: Sendable, Equatable {
    package var actions: [Order.Action]
    package var subject: Order.Subject
    package var scope: Order.Scope
    package var reason: String
    package var severity: Order.Severity
    /// How long, ms.
    package var lifetime: Int64
    /// The incident to which it belongs.
    package var incident: String?

    package init(
        actions: [Order.Action], subject: Order.Subject, scope: Order.Scope = .everything, reason: String,
        severity: Order.Severity = .high, lifetime: Int64, incident: String? = nil
    ) {
        self.actions = actions
        self.subject = subject
        self.scope = scope
        self.reason = reason
        self.severity = severity
        self.lifetime = lifetime
        self.incident = incident
    }
}

/// Orders and approvals. What a person does here is signed with the hub's key and carries the person; gateways verify it as they verify
/// all records. It has happened when Kafka has it; the evidence is written then.
extension Desk {
    /// What keeps the hub from signing this for anybody; nil where it can. For pages that offer it.
    package func obstacle(to permission: Permission) -> String? {
        let needed: TrustedKey.Permission
        switch permission {
        case .decideApprovals: needed = .approve
        case .issueOrders: needed = .issue
        case .liftOrders: needed = .lift
        default: return nil
        }
        do {
            _ = try ready(needed)
            return nil
        } catch {
            return error.description
        }
    }

    private func ready(_ permission: TrustedKey.Permission) throws(DeskError) -> ControlPublisher {
        guard let publisher else {
            throw .refused("the hub signs nothing for persons: give it hub.key and hub.trusted_keys")
        }
        try publisher.require(permission)
        return publisher
    }

    /// Orders, or requests for approval, the latest first.
    ///
    /// - Parameters:
    ///   - states: see ``ControlRecord/state``; nil for all. They are kept for eight days after they are over.
    ///   - identity: the one that an order is on, or who asks, under any name.
    /// - Throws: ``DeskError``, or SQLite's error.
    package func controls(
        _ kind: ControlRecord.Kind, states: [String]? = nil, identity: String? = nil, incident: String? = nil,
        after cursor: String? = nil, limit: Int = 100, for actor: Actor
    ) async throws -> Page<ControlRecord> {
        let aliases = hub.books?.aliases ?? .init()
        return try await read(for: actor) { db in
            try ControlRecord.list(
                kind, states: states, identity: identity, incident: incident, aliases: aliases, after: cursor,
                limit: limit, in: db)
        }
    }

    /// An order or a request by its id.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func control(_ kind: ControlRecord.Kind, _ id: String, for actor: Actor) async throws -> ControlRecord {
        try await read(for: actor) { db in
            guard let record = try ControlRecord.find(id, kind, in: db) else { throw Self.unknown(kind, id) }
            return record
        }
    }

    private static func unknown(_ kind: ControlRecord.Kind, _ id: String) -> DeskError {
        .unknown("there is no \(kind == .order ? "order" : "request") \(id.prefix(80)), or it is long over")
    }

    // MARK: Orders

    /// Issues an order.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func issue(_ draft: OrderDraft, by actor: Actor) async throws -> ControlRecord {
        try require(.issueOrders, of: actor)
        try Self.check(draft.reason, "reason", limit: 500)
        guard (60_000...Order.maximumTTL).contains(draft.lifetime) else {
            throw DeskError.invalid(field: "lifetime", "an order lasts from a minute to 30 days")
        }
        for name in draft.scope.operations where !AuditEvent.Operation.isNamed(by: name) {
            throw DeskError.invalid(
                field: "operations", "there is no operation '\(name.prefix(80))'. \(AuditEvent.Operation.known)")
        }
        try await checkConnections(draft.scope.connections, for: actor)
        let publisher = try ready(.issue)
        let now = clock()
        let order = Order(
            id: UUID().uuidString.lowercased(), actions: draft.actions, subject: draft.subject, scope: draft.scope,
            reason: draft.reason, incidentUID: draft.incident, severity: draft.severity,
            issuer: .init(kind: .person, name: actor.identity), issuedAt: now, expiresAt: now + draft.lifetime)
        let record = try Self.judged {
            try publisher.books.orders { try $0.propose(order, by: publisher.key, onBehalf: true, now: now) }
        }
        var payload = [
            "actions": order.actions.map(\.rawValue).joined(separator: "+"),
            "subject": "\(order.subject.type.rawValue) \(order.subject.value)", "reason": order.reason,
            "severity": order.severity.rawValue, "expires_at": String(order.expiresAt),
            "scope": (order.scope.connections + order.scope.operations).joined(separator: ","),
        ]
        payload["incident"] = draft.incident
        return try await send(record, .order, order.id, "order.issue", payload, by: actor, publisher)
    }

    /// A name that is misspelt would stop nobody.
    private func checkConnections(_ names: [String], for actor: Actor) async throws {
        guard !names.isEmpty, hub.activity != nil else { return }
        let known = try await connections(for: actor)
        if known.isEmpty { return }
        for name in names where !known.contains(name) {
            throw DeskError.invalid(
                field: "connections",
                "no event has had the connection '\(name.prefix(80))'. Events had \(known.joined(separator: ", ")). "
                    + "An order without connections holds for all, for new ones too")
        }
    }

    /// Lifts an order. A critical one takes two persons: then it is in force until the second.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func lift(_ id: String, reason: String, by actor: Actor) async throws -> ControlRecord {
        try require(.liftOrders, of: actor)
        try Self.check(reason, "reason", limit: 500)
        let publisher = try ready(.lift)
        let now = clock()
        guard StableID.isUUID(id) else { throw Self.unknown(.order, id) }
        let lift = Lift(orderID: id, by: actor.identity, reason: reason, at: now)
        let (record, have, need) = try Self.judged {
            try publisher.books.orders { book in
                guard let order = book.status(id, now: now)?.order else { throw Self.unknown(.order, id) }
                if let name = Self.own(order.subject.owner, actor, book.aliases) {
                    throw OrderRefusal.ownOrder(person: name)
                }
                return try book.propose(lift, by: publisher.key, onBehalf: true, now: now)
            }
        }
        return try await send(
            record, .order, id, "order.lift", ["reason": reason, "persons": "\(have) of \(need)"], by: actor, publisher)
    }

    // MARK: Approvals

    /// Decides a request for approval. A denial takes an approval back.
    ///
    /// - Parameter lifetime: how long the approval can be used, ms; of no meaning in a denial.
    /// - Throws: ``DeskError``, or SQLite's error.
    package func decide(
        _ id: String, _ verdict: ApprovalDecision.Verdict, kind: ApprovalDecision.Kind = .once,
        lifetime: Int64 = 3_600_000, reason: String, by actor: Actor
    ) async throws -> ControlRecord {
        try require(.decideApprovals, of: actor)
        try Self.check(reason, "reason", limit: 500)
        guard verdict == .deny || (60_000...ApprovalDecision.maximumValidity).contains(lifetime) else {
            throw DeskError.invalid(field: "lifetime", "an approval lasts from a minute to 7 days")
        }
        let publisher = try ready(.approve)
        let now = clock()
        guard StableID.isUUID(id) else { throw Self.unknown(.approval, id) }
        let decision = ApprovalDecision(
            requestID: id, by: actor.identity, verdict: verdict, kind: kind,
            validUntil: now + (verdict == .deny ? 1 : lifetime), reason: reason, at: now,
            groups: actor.groups.isEmpty ? nil : Array(actor.groups.prefix(ApprovalRequest.maximumList)))
        let (record, status) = try Self.judged {
            try publisher.books.approvals { book in
                let requester = book.request(id)?.requester
                if let name = Self.own(requester, actor, book.aliases) {
                    throw ApprovalRefusal.ownRequest(person: name)
                }
                return try book.propose(decision, by: publisher.key, onBehalf: true, now: now)
            }
        }
        var payload = ["reason": reason, "status": status.code]
        if verdict == .approve {
            payload["kind"] = kind.rawValue
            payload["valid_until"] = String(decision.validUntil)
        }
        return try await send(record, .approval, id, "approval.\(verdict.rawValue)", payload, by: actor, publisher)
    }

    // MARK: Both

    /// The name under which somebody would act on their own: the book looks at the directory's names, the login may know more.
    private static func own(_ owner: String?, _ actor: Actor, _ aliases: IdentityAliases) -> String? {
        guard let owner else { return nil }
        return ([actor.identity] + actor.aliases).first { aliases.areSame($0, owner) }
    }

    /// What the book says, in the desk's words.
    private static func judged<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let refusal as OrderRefusal {
            throw DeskError.refused(refusal.description)
        } catch let refusal as ApprovalRefusal {
            if case .unknown = refusal { throw DeskError.unknown(refusal.description) }
            throw DeskError.refused(refusal.description)
        } catch let fault as OrderFault {
            throw DeskError.invalid(field: "order", "the order cannot be issued: \(fault)")
        } catch let fault as ApprovalFault {
            throw DeskError.invalid(field: "decision", "the decision cannot be made: \(fault)")
        } catch let error as SignatureError {
            throw DeskError.refused(error.description)
        }
    }

    private func send(
        _ record: SignedRecord, _ kind: ControlRecord.Kind, _ id: String, _ action: String,
        _ payload: [String: String], by actor: Actor, _ publisher: ControlPublisher
    ) async throws -> ControlRecord {
        let topic: ControlTimeline.Record.Topic = kind == .order ? .orders : .approvals
        try await publisher.send(record, to: topic)
        let (now, books) = (clock(), publisher.books)
        do {
            return try await hub.database.write { db in
                _ = try books.apply([.init(topic: topic, key: record.key, value: record.value)], now: now, in: db)
                try Self.note(action, on: id, by: actor, payload, now: now, in: db)
                guard let found = try ControlRecord.find(id, kind, in: db) else { throw Self.unknown(kind, id) }
                return found
            }
        } catch {
            // The books may be ahead of the database now; the topics have everything.
            books.reset()
            logger.error(
                "what a person did is in Kafka, but its row of evidence is not written",
                metadata: [
                    "action": "\(action)", "subject": "\(id)", "actor": "\(actor.identity)", "error": "\(error)",
                ])
            throw error
        }
    }
}
