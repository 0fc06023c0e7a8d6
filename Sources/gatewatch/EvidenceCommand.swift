// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Foundation
import GRDB
import Incidents
import JSONText
import Paging
import Recordings
import Signing

struct EvidenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evidence",
        abstract: "Checks, exports and searches what people did and what was recorded; replays sessions.",
        discussion: """
            gatewatch evidence verify --config gatewatch.yml
            gatewatch evidence verify --from 2026-11-01 --head 1200:9f3c…    # a head that the hub's log has
            gatewatch evidence export --config gatewatch.yml > evidence.ndjson
            gatewatch evidence search --recordings --identity ana@example.com --decision denied --text "payroll*"
            gatewatch evidence replay 17 --speed 10
            gatewatch evidence search --actor ana --action 'incident.*' --since 2026-11-18T00:00:00Z

            Each row is bound to the one before by its hash; the hub signs the chain's end after 100 rows and when a day is over, if
            it has a key. Recordings are a chain of their own. Exit status: 0 all fits, 1 the first row that does not is named. See docs/incidents.md, docs/recordings.md.
            """,
        subcommands: [Verify.self, Export.self, Search.self, Sessions.self, Replay.self])

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
        @Option(help: "A head of the recordings that was noted elsewhere: SEQUENCE:HASH.")
        var recordingsHead: String?
        @Flag(help: "Every row must be covered by a signed head: rows that anybody could have added are wrong then.")
        var signed = false

        func run() throws {
            let keys = try trustedKeys.map { try TrustedKeys(path: $0) } ?? common.file().hubTrustedKeys()
            guard keys != nil || !signed else {
                throw ValidationError(
                    "--signed: whose heads count? Give --trusted-keys, or --config with trusted_keys.")
            }
            let noted = try head.map { try Self.noted($0, "--head") }
            let recorded = try recordingsHead.map { try Self.noted($0, "--recordings-head") }
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
                Terminal.print(Self.covered(report.heads, to: report.signedTo, of: report.lastSequence))
            }
            try verifyRecordings(keys, recorded)
        }

        /// The recordings, from their beginning: a part of the evidence is looked at without them.
        private func verifyRecordings(_ keys: TrustedKeys?, _ noted: ChainHead?) throws {
            let path = ConfigurationFile.recordingsDatabase(beside: try HubState.path(common.state, common.file()))
            guard from == nil, to == nil, noted != nil || FileManager.default.fileExists(atPath: path) else { return }
            let report = try common.recordings().verify(keys: keys, noted: noted)
            if let fault = report.fault { throw Refused("\(fault). \(report.count) rows before it fit.") }
            if signed, report.signedTo < report.lastSequence, report.count > 0 {
                throw Refused(
                    "row \(report.signedTo + 1) of the recordings is covered by no signed head; nor is what follows.")
            }
            Terminal.print(
                report.lastSequence == 0
                    ? "there is no recording"
                    : "\(report.count) recordings fit, up to row \(report.lastSequence), \(report.lastHash)"
                        + (report.cut > 0 ? "; those up to row \(report.cut) were deleted for their age" : ""))
            if keys != nil, report.lastSequence > 0 {
                Terminal.print(Self.covered(report.heads, to: report.signedTo, of: report.lastSequence))
            }
        }

        private static func covered(_ heads: Int, to signed: Int64, of last: Int64) -> String {
            "\(heads) signed heads fit"
                + (signed < last ? "; rows after \(signed) are not covered by one" : "; all rows are covered")
        }

        private static func noted(_ text: String, _ option: String) throws -> ChainHead {
            let parts = text.split(separator: ":").map(String.init)
            guard parts.count == 2, let sequence = Int64(parts[0]), sequence > 0, parts[1].count == 64 else {
                throw ValidationError("\(option) \(text): write SEQUENCE:HASH, the hash of 64 hexadecimal digits.")
            }
            return ChainHead(sequence: sequence, hash: parts[1].lowercased(), at: 0)
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
            abstract: "All rows as NDJSON, and the signed heads behind them; or a session's recordings.",
            discussion: """
                gatewatch evidence export > evidence.ndjson
                gatewatch evidence export --session 17 --as ana > session.ndjson     # that it was done is recorded
                """)

        @OptionGroup var common: IncidentsCommand.Common
        @Option(help: "The recordings of this session instead; see 'evidence replay'.")
        var session: String?
        @Option(help: "With --session: whose, where several people had sessions of one name.")
        var identity: String?
        @Option(name: .customLong("as"), help: "With --session: your name, as the evidence keeps it.")
        var actor = NSUserName()

        func run() throws {
            if let session { return try EvidenceCommand.telling { try export(session) } }
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

        private func export(_ name: String) throws {
            let store = try common.recordings()
            let session = try common.session(name, identity: identity, in: store)
            try common.note("recording.export", session, by: actor)
            var cursor: String?
            repeat {
                let page = try store.replay(session, after: cursor, limit: 200)
                for step in page.items { Terminal.line(step.stored.json) }
                cursor = page.next
            } while cursor != nil
        }
    }

    struct Search: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Who did what to what, the latest last; or recordings, the latest first.")

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
        @Flag(help: "What the gateways recorded, instead of what people did.")
        var recordings = false
        @OptionGroup var which: RecordingSearchOptions

        func run() throws {
            guard limit > 0 else { throw ValidationError("--limit \(limit): write a number from 1 on.") }
            if recordings {
                guard actor == nil, action == nil, subject == nil else {
                    throw ValidationError(
                        "--actor, --action and --subject are of what people did, not of --recordings.")
                }
                let filter = try which.filter(
                    since: since.map { try EvidenceCommand.time($0, "--since") },
                    until: until.map { try EvidenceCommand.time($0, "--until") })
                return try EvidenceCommand.search(
                    common.recordings(), filter, after: which.cursor, limit: limit, json: json)
            }
            guard which.isEmpty else {
                throw ValidationError("--identity and the like are of recordings: give --recordings too.")
            }
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
