// SPDX-License-Identifier: Apache-2.0

import Foundation
package import YAMLDocument

/// Who is who: aliases (mail addresses, account names, subjects of tokens) of one person or service brought to one id.
///
/// Read from CSV (RFC 4180, header `uid,aliases,kind,department,role,peer_group,manager,end_date`; aliases separated by
/// `;`) or NDJSON (the same keys; `aliases` a list). Aliases compare without ASCII case.
package struct IdentityDirectory: Sendable {
    /// One person or service.
    package struct Entry: Sendable, Equatable {
        package var uid: String
        package var aliases: [String]
        /// The other columns by name; empty ones are absent. `end_date` is an ISO date, UTC.
        package var attributes: [String: String]
    }

    /// The columns besides `uid` and `aliases`, readable in rules as `identity.<name>`.
    package static let attributes = ["kind", "department", "role", "peer_group", "manager", "end_date"]
    /// `identity.ended`: whether the event is later than the identity's last day, `end_date` (to midnight, UTC).
    package static let ended = "ended"
    /// The largest directory, in entries.
    package static let maximumEntries = 2_000_000

    /// The largest file, in bytes.
    package static let maximumBytes = 1 << 30

    package let entries: [Entry]

    /// A directory from a list. Throws when a name belongs to two entries, as correlation would then mix two people.
    package init(_ entries: [Entry], file: String = "identities") throws(DocumentError) {
        var owner: [String: Int] = [:]
        for (index, entry) in entries.enumerated() {
            for name in [entry.uid] + entry.aliases {
                let folded = name.lowercased()
                if let other = owner[folded], other != index {
                    throw DocumentError(
                        file: file, key: name,
                        message: "belongs to both \(entries[other].uid) and \(entry.uid). An alias names one identity.")
                }
                owner[folded] = index
            }
        }
        self.entries = entries
    }

    /// Reads a CSV or NDJSON file, told apart by its first character. Throws `DocumentError` with the line.
    package init(path: String) throws(DocumentError) {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
        } catch {
            throw DocumentError(unreadable: path, error)
        }
        guard data.count <= Self.maximumBytes else {
            throw DocumentError(file: path, message: "is \(data.count) bytes; at most \(Self.maximumBytes) are read.")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw DocumentError(file: path, message: "is not UTF-8. Save it as UTF-8.")
        }
        try self.init(text: text, file: path)
    }

    /// Reads CSV or NDJSON text; `file` is only named in errors.
    package init(text: String, file: String) throws(DocumentError) {
        // Windows programs put a byte order mark first.
        let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        let isJSON = text.utf8.first { $0 > 0x20 } == UInt8(ascii: "{")
        let entries = try isJSON ? Self.ndjson(text, file) : Self.csv(text, file)
        guard entries.count <= Self.maximumEntries else {
            throw DocumentError(file: file, message: "\(entries.count) identities; at most \(Self.maximumEntries).")
        }
        try self.init(entries, file: file)
    }

    private static func csv(_ text: String, _ file: String) throws(DocumentError) -> [Entry] {
        let rows = try CSV.rows(text, file: file)
        guard let header = rows.first?.fields else {
            throw DocumentError(file: file, message: "is empty; the first line names the columns.")
        }
        let known = ["uid", "aliases"] + attributes
        for name in header where !known.contains(name) {
            throw DocumentError(file: file, line: 1, message: unknownKey(name, known: known, what: "column"))
        }
        if Set(header).count < header.count {
            throw DocumentError(file: file, line: 1, message: "names a column twice.")
        }
        guard header.contains("uid") else {
            throw DocumentError(file: file, line: 1, message: "the column uid is missing.")
        }
        var entries: [Entry] = []
        for row in rows.dropFirst() {
            guard row.fields.count == header.count else {
                throw DocumentError(
                    file: file, line: row.line,
                    message: "has \(row.fields.count) columns, the header has \(header.count).")
            }
            let columns = Dictionary(zip(header, row.fields), uniquingKeysWith: { first, _ in first })
            let aliases = columns["aliases", default: ""].split(separator: ";").map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            entries.append(try entry(columns, aliases: aliases, file: file, line: row.line))
        }
        return entries
    }

    private static func ndjson(_ text: String, _ file: String) throws(DocumentError) -> [Entry] {
        let known = ["uid", "aliases"] + attributes
        var entries: [Entry] = []
        // By bytes: to a String, CR LF is one character that is no line feed.
        for (number, line) in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            if line.allSatisfy({ $0 <= 0x20 }) { continue }
            func fault(_ key: String, _ message: String) -> DocumentError {
                DocumentError(file: file, line: number + 1, key: key, message: message)
            }
            guard let object = try? JSONSerialization.jsonObject(with: Data(line)) as? [String: Any] else {
                throw fault("", "is not a JSON object.")
            }
            var columns: [String: String] = [:]
            var aliases: [String] = []
            for (key, value) in object.sorted(by: { $0.key < $1.key }) where !(value is NSNull) {
                guard known.contains(key) else { throw fault("", unknownKey(key, known: known)) }
                if key == "aliases" {
                    guard let names = value as? [String] else { throw fault(key, "is not a list of texts.") }
                    aliases = names
                } else {
                    guard let text = value as? String else { throw fault(key, "is not a text. Write it in quotes.") }
                    columns[key] = text
                }
            }
            entries.append(try entry(columns, aliases: aliases, file: file, line: number + 1))
        }
        return entries
    }

    private static func entry(
        _ columns: [String: String], aliases: [String], file: String, line: Int
    ) throws(DocumentError) -> Entry {
        guard let uid = columns["uid"], !uid.isEmpty else {
            throw DocumentError(file: file, line: line, key: "uid", message: "is empty.")
        }
        if let kind = columns["kind"], !kind.isEmpty, kind != "human", kind != "service" {
            throw DocumentError(file: file, line: line, key: "kind", message: "is '\(kind)'. Write human or service.")
        }
        if let date = columns["end_date"], !date.isEmpty,
            Array(date.utf8).withUnsafeBytes({ Timestamp.fromISO8601($0) }) == nil
        {
            throw DocumentError(
                file: file, line: line, key: "end_date", message: "'\(date)' is not an ISO date such as 2026-11-30.")
        }
        var kept: [String: String] = [:]
        for name in attributes {
            if let value = columns[name], !value.isEmpty { kept[name] = value }
        }
        return Entry(uid: uid, aliases: aliases.filter { !$0.isEmpty }, attributes: kept)
    }
}
