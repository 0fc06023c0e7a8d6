// SPDX-License-Identifier: Apache-2.0

package import GRDB

extension IncidentStore {
    /// Does what a person wants: state, timeline and a row of evidence in one transaction, the caller's.
    ///
    /// - Parameters:
    ///   - id: the whole id.
    ///   - actor: the person's name.
    ///   - via: how the person came in, for the evidence; nil where that is not known.
    ///   - version: the one that the person looked at; nil to act on whatever is there.
    /// - Returns: the incident as it is then.
    /// - Throws: ``IncidentError``, or SQLite's error; then the caller's transaction must not be committed.
    @discardableResult
    package func act(
        _ action: IncidentAction, on id: String, by actor: String, via: String? = nil, version: Int64? = nil,
        now: Int64, in db: Database
    ) throws -> Incident {
        try action.validate(actor: actor)
        let before = try Self.incident(id, in: db)
        if let version, version != before.version { throw IncidentError.changed(id: id, version: before.version) }
        var payload = ["incident": id, "version": String(before.version)]
        payload["identity"] = before.identity
        payload["via"] = via
        switch action {
        case .assign(let name):
            guard before.status == .open else { throw IncidentError.isClosed(id) }
            payload["assignee"] = name
            payload["before"] = before.assignee
            try set("assignee = ?", [name], id, in: db)
            try TimelineEntry(
                at: now, kind: .assignment, who: actor, text: name.map { "assigned to \($0)" } ?? "assigned to nobody"
            ).add(to: id, in: db)
            if (name == nil) != (before.assignee == nil) {
                try tell(name == nil ? .released : .taken, id, now, db)
            }
        case .comment(let text):
            payload["comment"] = text
            try set("comments = comments + 1", [], id, in: db)
            try TimelineEntry(at: now, kind: .comment, who: actor, text: text).add(to: id, in: db)
        case .dispose(let disposition, let reason):
            payload["disposition"] = disposition.rawValue
            payload["reason"] = reason
            payload["before"] = before.disposition?.rawValue
            payload["alerts"] = String(before.alerts)
            try set("disposition = ?, disposition_reason = ?", [disposition.rawValue, reason], id, in: db)
            try Feedback.queue(disposition, reason: reason, of: before, by: actor, now: now, in: db)
            try TimelineEntry(at: now, kind: .disposition, who: actor, text: "\(disposition.rawValue): \(reason)")
                .add(to: id, in: db)
        case .close(let reason):
            guard before.status == .open else { throw IncidentError.alreadyClosed(id) }
            payload["reason"] = reason
            try close(id, .person, now: now, in: db)
            try TimelineEntry(at: now, kind: .close, who: actor, text: reason ?? "closed").add(to: id, in: db)
        case .reopen(let reason):
            guard before.status == .closed else { throw IncidentError.notClosed(id) }
            payload["reason"] = reason
            payload["before"] = before.disposition?.rawValue
            try open(id, in: db)
            // Or it would close again at once.
            try db.execute(
                sql: "UPDATE incidents SET closes_at = max(closes_at, ?) WHERE id = ?",
                arguments: [now + Self.quiet, id])
            try TimelineEntry(at: now, kind: .reopen, who: actor, text: reason ?? "reopened").add(to: id, in: db)
        }
        try EvidenceChain.append(actor: actor, action: action.name, subject: id, payload: payload, at: now, in: db)
        return try Self.incident(id, in: db)
    }

    private func set(
        _ assignments: String, _ values: [String?], _ id: String, in db: Database
    ) throws {
        try db.execute(
            sql: "UPDATE incidents SET \(assignments), version = version + 1 WHERE id = ?",
            arguments: StatementArguments(values + [id]))
    }

    private static func incident(_ id: String, in db: Database) throws -> Incident {
        guard let row = try Row.fetchOne(db, sql: "SELECT * FROM incidents WHERE id = ?", arguments: [id]) else {
            throw IncidentError.unknown(id)
        }
        return Incident(row)
    }
}
