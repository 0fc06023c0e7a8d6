// SPDX-License-Identifier: Apache-2.0

package import GRDB
package import JSONText

/// One line of an incident's timeline.
package struct TimelineEntry: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        case alert, order, approval, decision, comment, assignment, disposition, close, reopen, notification
    }

    /// Of this entry among all; 0 before it is stored.
    package var id: Int64 = 0
    /// ms since the epoch, UTC; an alert's is the time of its event.
    package var at: Int64
    package var kind: Kind
    /// A person, the issuer of an order, the receiver of a notification; nil for the detector and the hub.
    package var who: String?
    /// The alert's, order's, request's or notification's id; of one reference and kind an incident has one entry.
    package var reference: String?
    /// For people; at most ``maximumText`` Unicode scalars, a comment is whole.
    package var text: String

    /// The longest text that is not a person's, Unicode scalars: a character may have any number of them.
    package static let maximumText = 500

    /// The text, or its beginning.
    package static func cut(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(maximumText)))
    }

    package init(at: Int64, kind: Kind, who: String? = nil, reference: String? = nil, text: String) {
        self.at = at
        self.kind = kind
        self.who = who
        self.reference = reference
        self.text = text
    }

    init?(_ row: Row) {
        guard let kind = Kind(rawValue: row["kind"]) else { return nil }
        self.init(at: row["at"], kind: kind, who: row["who"], reference: row["reference"], text: row["text"])
        id = row["id"]
    }

    /// Adds it to an incident, which need not be there yet. False if its reference is there already.
    ///
    /// - Throws: SQLite's error.
    @discardableResult
    package func add(to incident: String, in db: Database) throws -> Bool {
        try db.cachedStatement(
            sql: """
                INSERT OR IGNORE INTO incident_entries (incident_id, at, kind, who, reference, text)
                VALUES (?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            incident, at, kind.rawValue, who, reference,
            kind == .comment ? text : Self.cut(text),
        ])
        return db.changesCount > 0
    }

    /// Writes it as members of an object.
    package func write(to json: inout JSONWriter) {
        json.field("id", id)
        json.field("at", at)
        json.field("kind", kind.rawValue)
        if let who { json.field("who", who) }
        if let reference { json.field("reference", reference) }
        json.field("text", text)
    }
}
