// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GRDB
import Report
import Signing
import Telemetry

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "The weekly insider-risk report, as HTML, JSON or CSV.",
        discussion: """
            gatewatch report --config /etc/gatewatch.yml > report.html          # the last whole week
            gatewatch report --week 2026-W46 --zone Europe/Berlin --format json --out 2026-W46.json
            gatewatch report --week 2026-W46 --format csv --out tables/         # one file per table
            gatewatch report --week 2026-W46 --named --as ana --out named.html
            gatewatch report lookup P-7F3K2M9Q --as ana --config /etc/gatewatch.yml
            gatewatch report verify 2026-W46.json --trusted-keys trusted-keys.yml

            The same data give the same bytes. People are called by codes unless --named is given; that, and each lookup, is recorded
            in the evidence chain under the name of --as. Run it where the hub's database is. See docs/report.md.
            """,
        subcommands: [Make.self, LookUp.self, Verify.self], defaultSubcommand: Make.self)

    struct Common: ParsableArguments {
        @Option(help: "Configuration file (YAML).")
        var config: String?
        @Option(help: "Folder of the hub's state.")
        var state: String?
        @Option(
            parsing: .upToNextOption,
            help: "Rules in force, files or folders, before hub.detectors and detect.detectors of the file.")
        var detectors: [String] = []
        @Option(help: "Identity directory, CSV or NDJSON, before that of the file.")
        var identities: String?

        func file() throws -> ConfigurationFile { try config.map { try ConfigurationFile(path: $0) } ?? .empty }

        func maker() throws -> ReportMaker {
            let file = try file()
            let path = try HubState.path(state, file)
            let database = try HubState.open(path)
            let activity = ConfigurationFile.activityDatabase(beside: path)
            return try file.reportMaker(
                hub: database, path: path, activity: FileManager.default.fileExists(atPath: activity) ? activity : nil,
                key: file.evidenceKey(trusted: file.hubTrustedKeys()), detectors: detectors, identities: identities)
        }
    }

    struct Make: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "make", abstract: "Writes the report on a week.")

        @OptionGroup var common: Common
        @Option(help: "The week of ISO 8601, 2026-W46; the last whole one without.")
        var week: String?
        @Option(help: "Zone of the IANA database in which weeks and days begin; hub.report.zone, else UTC, without.")
        var zone: String?
        @Option(help: "html, json or csv.")
        var format = ReportFormat.html
        @Flag(help: "Call people by their names; recorded.")
        var named = false
        @Option(name: .customLong("as"), help: "Who asks; needed with --named.")
        var actor: String?
        @Option(
            help: "File to write; with csv a folder, which ends in /, for one file per table. Standard output without.")
        var out: String?

        mutating func validate() throws {
            if named, actor?.isEmpty ?? true { throw ValidationError("--named: say who asks with --as NAME.") }
        }

        func run() throws {
            let maker = try common.maker()
            let now = RFC3339.nowMilliseconds()
            let zone = zone ?? maker.zone
            let period: ReportPeriod
            do {
                period =
                    try week.map { try ReportPeriod(week: $0, zone: zone) }
                    ?? ReportPeriod(lastBefore: now, zone: zone)
            } catch let error as PeriodError {
                throw ValidationError("\(error).")
            }
            let document =
                try named
                ? maker.namedReport(on: period, for: actor ?? "", via: "command", now: now) : maker.report(on: period)
            guard let out else {
                FileHandle.standardOutput.write(Data(document.bytes(format)))
                return
            }
            if format == .csv, out.hasSuffix("/") {
                try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
                for table in document.tables { try Self.write(Array(table.text.utf8), to: out + table.name) }
            } else {
                try Self.write(document.bytes(format), to: out)
            }
        }

        /// A report is for few: only its owner can read the file.
        private static func write(_ bytes: [UInt8], to path: String) throws {
            do {
                try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
                try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            } catch {
                throw ReportFileError(path: path, reason: error.localizedDescription)
            }
        }
    }

    struct LookUp: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "lookup", abstract: "Says whose code it is; recorded. Exit status 1: nobody's.")

        @OptionGroup var common: Common
        @Argument(help: "The code: P-7F3K2M9Q.")
        var code: String
        @Option(name: .customLong("as"), help: "Who asks.")
        var actor: String

        func run() throws {
            let found = try common.maker().lookUp(code, for: actor, via: "command", now: RFC3339.nowMilliseconds())
            guard let found else { throw Refused("\(Terminal.clean(code)) is nobody's code in these data") }
            Terminal.print(Terminal.clean(found))
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Checks the hash of a report's JSON form, and with keys its signature. Exit status 1: it does not fit.")

        @Option(help: "File of the trusted keys (YAML), before that of the configuration.")
        var trustedKeys: String?
        @Option(help: "Configuration file (YAML).")
        var config: String?
        @Argument(help: "The JSON form.")
        var path: String

        func run() throws {
            guard let data = FileManager.default.contents(atPath: path) else {
                throw ReportFileError(path: path, reason: "it cannot be read")
            }
            let keys =
                try trustedKeys.map { try TrustedKeys(path: $0) }
                ?? config.flatMap { try ConfigurationFile(path: $0).hubTrustedKeys() }
            do {
                let key = try ReportDocument.verify(Array(data), keys: keys)
                Terminal.print("\(path): the hash fits" + (key.map { ", signed by \($0)" } ?? ""))
            } catch {
                throw Refused("\(path) \(error)")
            }
            if keys == nil {
                Terminal.error("the signature was not checked: give --trusted-keys, or --config with trusted_keys")
            }
        }
    }
}

extension ReportFormat: ExpressibleByArgument {}

/// A file of a report cannot be read or written.
struct ReportFileError: Error, CustomStringConvertible {
    let path: String
    let reason: String

    var description: String { "\(path): \(reason). Check the folder, its permissions and the space on its disk" }
}
