// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Foundation
import GRDB
import Incidents
import JSONText
import Signing

struct EvidenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evidence", abstract: "Checks, exports and searches what people did.",
        discussion: """
            gatewatch evidence verify --config gatewatch.yml
            gatewatch evidence verify --from 2026-11-01 --head 1200:9f3c…    # a head that the hub's log has
            gatewatch evidence export --config gatewatch.yml > evidence.ndjson
            gatewatch evidence search --actor ana --action 'incident.*' --since 2026-11-18T00:00:00Z

            Each row is bound to the one before by its hash; the hub signs the chain's end after 100 rows and when a day is over, if
            it has a key. Exit status: 0 all fits, 1 the first row that does not is named. See docs/incidents.md.
            """,
        subcommands: [Verify.self, Export.self, Search.self])

    /// A day, or a time.
    static func time(_ text: String, _ option: String) throws -> Int64 {
        try HubState.time(text.count == 10 ? text + "T00:00:00Z" : text, option)
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Walks the chain; exits 1 and names the first row that does not fit.")

        @OptionGroup var common: IncidentsCommand.Common
        @Option(help: "The first row: its number, a day or a time.")
        var from: String?
        @Option(help: "The last row: its number; or the day or time before which it is.")
        var to: String?
        @Option(help: "File of the trusted keys (YAML), before that of the configuration: whose heads are believed.")
        var trustedKeys: String?
        @Option(help: "A head that was noted elsewhere: SEQUENCE:HASH.")
        var head: String?
        @Flag(help: "Every row must be covered by a signed head: rows that anybody could have added are wrong then.")
        var signed = false

        func run() throws {
            let keys = try trustedKeys.map { try TrustedKeys(path: $0) } ?? common.file().hubTrustedKeys()
            guard keys != nil || !signed else {
                throw ValidationError(
                    "--signed: whose heads count? Give --trusted-keys, or --config with trusted_keys.")
            }
            let noted = try head.map { text in
                let parts = text.split(separator: ":").map(String.init)
                guard parts.count == 2, let sequence = Int64(parts[0]), sequence > 0, parts[1].count == 64 else {
                    throw ValidationError("--head \(text): write SEQUENCE:HASH, the hash of 64 hexadecimal digits.")
                }
                return EvidenceHead(sequence: sequence, hash: parts[1].lowercased(), at: 0)
            }
            let report = try common.read { db in
                let first = try row(from, "--from", "SELECT min(sequence) FROM evidence WHERE at >= ?", in: db) ?? 1
                let last = try row(to, "--to", "SELECT max(sequence) FROM evidence WHERE at < ?", in: db) ?? .max
                return try EvidenceVerification.verify(from: first, to: last, keys: keys, noted: noted, in: db)
            }
            if let fault = report.fault { throw Refused("\(fault). \(report.count) rows before it fit.") }
            if signed, report.signedTo < report.lastSequence {
                throw Refused(
                    "row \(report.signedTo + 1) of the evidence is covered by no signed head; nor is what follows.")
            }
            Terminal.print(
                report.count == 0
                    ? "there is no row of evidence"
                    : "\(report.count) rows fit, up to row \(report.lastSequence), \(report.lastHash)")
            if keys == nil {
                Terminal.error("signed heads were not checked: give --trusted-keys, or --config with trusted_keys")
            } else {
                Terminal.print(
                    "\(report.heads) signed heads fit"
                        + (report.signedTo < report.lastSequence
                            ? "; rows after \(report.signedTo) are not covered by one" : "; all rows are covered"))
            }
        }

        /// A row by its number, or by a time; `Int64.max` where no row is that late.
        private func row(_ text: String?, _ option: String, _ sql: String, in db: Database) throws -> Int64? {
            guard let text else { return nil }
            if let number = Int64(text) { return number }
            let time = try EvidenceCommand.time(text, option)
            return try Int64.fetchOne(db, sql: sql, arguments: [time]) ?? (option == "--to" ? 0 : .max - 1)
        }
    }

    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "All rows as NDJSON, and the signed heads behind them.")

        @OptionGroup var common: IncidentsCommand.Common

        func run() throws {
            try common.read { db in
                try EvidenceChain.search(in: db) { Terminal.line($0.json) }
                for head in try EvidenceHead.records(in: db) {
                    var json = JSONWriter(capacity: 512)
                    json.object {
                        $0.object("head") {
                            $0.field("sequence", head.sequence)
                            $0.field("record", head.record)
                        }
                    }
                    Terminal.line(json.bytes)
                }
            }
        }
    }

    struct Search: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Who did what to what, the latest last.")

        @OptionGroup var common: IncidentsCommand.Common
        @Option(help: "Who.")
        var actor: String?
        @Option(help: "What: incident.close; incident.* for all of a kind.")
        var action: String?
        @Option(help: "To what: an incident's id.")
        var subject: String?
        @Option(help: "From this day or time on.")
        var since: String?
        @Option(help: "Before this day or time.")
        var until: String?
        @Option(help: "At most so many, the latest.")
        var limit = 100
        @Flag(help: "One JSON object per line.")
        var json = false

        func run() throws {
            guard limit > 0 else { throw ValidationError("--limit \(limit): write a number from 1 on.") }
            var rows: [[String]] = [["ROW", "AT", "WHO", "DID", "TO", "PAYLOAD"]]
            try common.read { db in
                try EvidenceChain.search(
                    .init(
                        actor: actor, action: action, subject: subject,
                        from: since.map { try EvidenceCommand.time($0, "--since") },
                        to: until.map { try EvidenceCommand.time($0, "--until") }), limit: limit, in: db
                ) { row in
                    if json { return Terminal.line(row.json) }
                    rows.append([
                        String(row.sequence), Timestamp.iso8601(row.at), row.actor, row.action, row.subject,
                        row.payload,
                    ])
                }
            }
            guard !json else { return }
            Terminal.print(
                rows.count == 1
                    ? "nothing was done that fits" : Terminal.table(rows.map { $0.map(Terminal.clean) }))
        }
    }
}
