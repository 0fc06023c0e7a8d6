// SPDX-License-Identifier: Apache-2.0

import Children
import Crypto
import Foundation
import Testing

/// The sqlite3 command line on a month's databases, in a zone.
struct ReportSQLite {
    static let sections = [
        "week", "header", "summary", "risk", "signals", "assets", "incidents", "enforcement", "access", "changes",
        "detection", "recommendations", "appendix",
    ]
    let folder: String
    let zone: String

    private static let queries = Project.root.appending(path: "Tests/EndToEndTests/report").path

    /// Puts rows at the edges of a week into the databases.
    func putEdges(of week: String) throws {
        _ = try run(attached(week) + ["CREATE TABLE rules (id, name, folder);"] + reading("0-week", "edges"))
    }

    /// What each section must have.
    func sections(of week: String) throws -> [String: Any] {
        let identities = try run(
            attached(week) + [
                """
                SELECT identity FROM hub.alerts WHERE identity IS NOT NULL UNION SELECT identity FROM hub.incidents
                WHERE identity IS NOT NULL UNION SELECT identity FROM activity.identities UNION SELECT uid FROM people;
                """
            ]
        ).split(separator: "\n").map(String.init)
        let codes = try identities.map { "INSERT INTO codes VALUES ('\($0)', '\(try code($0))');" }
        let rules = """
            CREATE TABLE rules AS SELECT value ->> 'id' AS id, value ->> 'name' AS name, value ->> 'title' AS title,
                value ->> 'level' AS level, value ->> 'status' AS status, folders.name AS folder
            FROM json_each(CAST(readfile('rules.json') AS TEXT)),
                (SELECT column1 AS name FROM (VALUES ('bulk_requests'), ('chain'), ('checkpoints'), ('configuration'),
                    ('credentials'), ('reach'), ('training_data'), ('writes'))) folders
            WHERE value ->> 'raises_alerts' AND value ->> 'file' LIKE '%/' || folders.name || '/%';
            """
        let numbered = Self.sections.enumerated().map { "\($0)-\($1)" }
        return try decode(
            run(
                attached(week) + [rules, "CREATE TABLE codes (identity TEXT PRIMARY KEY, code TEXT);"] + codes
                    + reading(numbered)))
    }

    /// What the tables of the CSV form must have, by the JSON form.
    func tables() throws -> [String: Any] { try decode(run([".bail on"] + reading("csv"))) }

    private func attached(_ week: String) -> [String] {
        [
            ".bail on", "ATTACH 'hub.sqlite' AS hub;", "ATTACH 'activity.sqlite' AS activity;",
            ".import --csv identities.csv people",
            "CREATE TABLE asked AS SELECT '\(week)' AS week, '\(zone)' AS zone;",
        ]
    }

    private func reading(_ names: String...) -> [String] { reading(names) }
    private func reading(_ names: [String]) -> [String] {
        [".mode tabs"] + names.map { ".read '\(Self.queries)/\($0).sql'" }
    }

    private func run(_ script: [String]) throws -> String {
        let process = Process()
        process.executableURL = Project.program("sqlite3")
        process.arguments = ["-batch", ":memory:"]
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.environment = ["TZ": zone]
        let file = URL(fileURLWithPath: folder).appending(path: "script.sql")
        try Data(script.joined(separator: "\n").utf8).write(to: file)
        process.standardInput = try FileHandle(forReadingFrom: file)
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.start()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        let said = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0 && said.isEmpty, "\(said)")
        return String(decoding: text, as: UTF8.self)
    }

    /// Lines of a name, a tab and JSON.
    private func decode(_ output: String) throws -> [String: Any] {
        var found: [String: Any] = [:]
        for line in output.split(separator: "\n") {
            guard let tab = line.firstIndex(of: "\t") else { continue }
            found[String(line[..<tab])] = try JSONSerialization.jsonObject(
                with: Data(line[line.index(after: tab)...].utf8), options: .fragmentsAllowed)
        }
        return found
    }

    /// docs/report.md: 40 bits of HMAC-SHA-256 over the name in lower case, in Crockford's base 32.
    private func code(_ identity: String) throws -> String {
        let text = try String(contentsOfFile: "\(folder)/pseudonyms.key", encoding: .utf8)
        let key = try #require(Data(base64Encoded: text.trimmingCharacters(in: .whitespacesAndNewlines)))
        let mac = HMAC<SHA256>.authenticationCode(
            for: Data(identity.lowercased().utf8), using: SymmetricKey(data: key))
        let bits = mac.prefix(5).flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }
        let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
        return "P-"
            + String((0..<8).map { place in alphabet[bits[5 * place..<5 * place + 5].reduce(0) { 2 * $0 + Int($1) }] })
    }
}

/// What two JSON values differ in, in lines.
struct Difference {
    var numbersOnly = false
    /// Every value of the second is a text, as in CSV.
    var isText = false
    var leavingOut: Set<String> = []
    /// Baselines keep 32 bits of a number.
    private static let bands = ["out.expected[", "out.low[", "out.high[", "out.limit["]

    init(numbersOnly: Bool = false, isText: Bool = false, leavingOut: Set<String> = []) {
        self.numbersOnly = numbersOnly
        self.isText = isText
        self.leavingOut = leavingOut
    }

    func between(_ expected: Any?, _ found: Any?, _ path: String) -> [String] {
        switch (expected, found) {
        case (let expected as [String: Any], let found as [String: Any]):
            return Set(expected.keys).union(found.keys).sorted().flatMap { key -> [String] in
                guard !leavingOut.contains(key), !(key == "owner" && path.hasPrefix("recommendations")) else {
                    return []
                }
                return between(expected[key], found[key], "\(path).\(key)")
            }
        case (let parts as [String], let text as String):
            return parts.filter { !text.contains($0) }.map { "\(path): '\($0)' is not in '\(text)'" }
        case (let expected as [Any], let found as [Any]):
            let count =
                expected.count == found.count
                ? [] : ["\(path): \(expected.count) of sqlite3, \(found.count) of the report"]
            return count + zip(expected, found).enumerated().flatMap { between($1.0, $1.1, "\(path)[\($0)]") }
        default:
            return isSame(expected, found, within: Self.bands.contains { path.contains($0) } ? 1e-4 : 1e-9)
                ? [] : ["\(path): \(expected ?? "nothing") of sqlite3, \(found ?? "nothing") of the report"]
        }
    }

    private func isSame(_ expected: Any?, _ found: Any?, within share: Double) -> Bool {
        let (expected, found) = (expected is NSNull ? nil : expected, found is NSNull ? nil : found)
        if isText, let found = found as? String {
            if let number = (expected as? NSNumber)?.doubleValue, let other = Double(found) {
                return abs(number - other) <= share * max(1, abs(number))
            }
            return found == (expected.map { "\($0)" } ?? "")
        }
        if let expected = expected as? NSNumber, let found = found as? NSNumber {
            return abs(expected.doubleValue - found.doubleValue) <= share * max(1, abs(expected.doubleValue))
        }
        if numbersOnly { return (expected is NSNumber) == (found is NSNumber) }
        return expected as? String == found as? String && (expected == nil) == (found == nil)
    }
}

/// CSV of RFC 4180.
enum CSVText {
    static func rows(_ text: String) -> [[String]] {
        var rows: [[String]] = []
        var (row, field): ([String], String) = ([], "")
        var isQuoted = false
        for character in text.unicodeScalars {
            switch character {
            case "\"":
                isQuoted.toggle();
                if isQuoted, field.last == "\u{0}" {
                    field.removeLast(); field += "\""
                } else if !isQuoted {
                    field += "\u{0}"
                }
            case "," where !isQuoted: row.append(field); field = ""
            case "\r" where !isQuoted: break
            case "\n" where !isQuoted: rows.append(row + [field]); (row, field) = ([], "")
            default: field.unicodeScalars.append(character)
            }
        }
        return rows.map { $0.map { $0.replacingOccurrences(of: "\u{0}", with: "") } }
    }
}
