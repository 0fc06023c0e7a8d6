// SPDX-License-Identifier: Apache-2.0

package import Signing

extension Order {
    /// What a lockdown does: one signed bundle.
    package static let lockdown: [Action] = [.revokeTokens, .requireApproval]

    /// The longest time between issue and expiry, 30 days in ms.
    package static let maximumTTL: Int64 = 30 * 24 * 3_600_000
    /// How far in the future an order may be issued by the clock of who reads it, ms.
    package static let maximumSkew: Int64 = 5 * 60_000
    /// The longest names and values, bytes.
    package static let maximumName = 512
    /// The longest reason, bytes.
    package static let maximumReason = 2048
    /// The most connections, operations or superseded orders.
    package static let maximumList = 100

    /// The order that an alert calls for. Its id is made of the alert and the subject, so that an issuer that crashes and
    /// does it again issues the same order.
    package static func forAlert(
        _ alertID: String, actions: [Action], subject: Subject, scope: Scope = .everything, reason: String,
        incidentUID: String? = nil, rule: String? = nil, severity: Severity, issuer: Issuer, issuedAt: Int64, ttl: Int64
    ) -> Order {
        Order(
            id: id(alert: alertID, subject: subject), actions: actions, subject: subject, scope: scope, reason: reason,
            alertUID: alertID, incidentUID: incidentUID, rule: rule, severity: severity, issuer: issuer,
            issuedAt: issuedAt, expiresAt: issuedAt + ttl)
    }

    /// The id of the order that an alert calls for: a UUID, version 8.
    package static func id(alert alertID: String, subject: Subject) -> String {
        StableID.uuid([alertID, subject.type.rawValue, subject.value, "order"])
    }

    /// The record of the order, signed. Throws ``OrderFault`` when no gateway would take it, or ``SignatureError``.
    package func signed(by key: SigningKey) throws -> SignedRecord {
        try validate()
        return SignedRecord(key: id, value: try key.sign(try RecordJSON.encode(self), type: .order))
    }

    /// Whether the order holds at least wherever, whenever and however strongly another one holds, on the same subject.
    func covers(_ other: Order) -> Bool {
        subject.type == other.subject.type && subject.value == other.subject.value
            && Set(actions).isSuperset(of: other.actions)
            && (scope.connections.isEmpty
                || (!other.scope.connections.isEmpty
                    && Set(scope.connections).isSuperset(of: other.scope.connections)))
            // No operations means the sensitive ones, which a list may reach beyond: only a list covers a list.
            && (scope.operations.isEmpty == other.scope.operations.isEmpty
                && Set(scope.operations).isSuperset(of: other.scope.operations))
            && issuedAt >= other.issuedAt && expiresAt >= other.expiresAt && severity >= other.severity
    }

    /// Checks what holds for every order, whoever issued it.
    package func validate() throws(OrderFault) {
        guard StableID.isUUID(id) else { throw .init("id is no UUID in lower case") }
        guard !actions.isEmpty, Set(actions).count == actions.count else {
            throw .init("actions are empty or repeat themselves")
        }
        try Self.check(subject.value, "subject.value", Self.maximumName)
        if let identity = subject.identity { try Self.check(identity, "subject.identity", Self.maximumName) }
        try Self.check(reason, "reason", Self.maximumReason)
        try Self.check(issuer.name, "issuer.name", Self.maximumName)
        if let alertUID { try Self.check(alertUID, "alert_uid", Self.maximumName) }
        if let incidentUID { try Self.check(incidentUID, "incident_uid", Self.maximumName) }
        if let rule { try Self.check(rule, "rule", Self.maximumName) }
        for (list, name) in [(scope.connections, "scope.connections"), (scope.operations, "scope.operations")] {
            guard list.count <= Self.maximumList else { throw .init("\(name) has more than \(Self.maximumList) items") }
            for item in list { try Self.check(item, name, Self.maximumName) }
        }
        guard supersedes.count <= Self.maximumList else {
            throw .init("supersedes has more than \(Self.maximumList) items")
        }
        guard supersedes.allSatisfy({ StableID.isUUID($0) && $0 != id }) else {
            throw .init("supersedes holds something that is not the id of another order")
        }
        guard (0...RecordJSON.latestTime).contains(issuedAt), (0...RecordJSON.latestTime).contains(expiresAt) else {
            throw .init("issued_at or expires_at is not a time in ms since the epoch")
        }
        guard expiresAt > issuedAt else { throw .init("expires_at is not after issued_at") }
        guard expiresAt - issuedAt <= Self.maximumTTL else { throw .init("it lasts longer than 30 days") }
    }

    static func check(_ text: String, _ member: String, _ limit: Int) throws(OrderFault) {
        guard !text.isEmpty else { throw .init("\(member) is empty") }
        guard text.utf8.count <= limit else { throw .init("\(member) is longer than \(limit) bytes") }
        // A line feed or an escape sequence in a name would forge lines of logs and terminals.
        guard !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
            throw .init("\(member) has control characters")
        }
    }
}

/// An order or a lift is not as it must be, whoever signed it.
package struct OrderFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong with which member.
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
