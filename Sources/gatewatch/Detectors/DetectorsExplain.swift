// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Detectors
import Foundation
import Sigma
import YAMLDocument

extension Detectors {
    struct Explain: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tells what a rule makes of one event: which item matches or not, and why.",
            usage: "gatewatch detectors explain <rule> <event> [<options>]",
            discussion: """
                gatewatch detectors explain gw_off_window_change event.json
                gatewatch detectors explain my-rule.yml \\
                    '{"time":1795003200000,"api":{"operation":"config.change"}}'
                zcat day.ndjson.gz | gatewatch detectors explain gw_chain - --line 1200 \\
                    --identities people.csv

                Of a correlation it tells which of its rules match, the group and what the \
                event adds to it. --detectors takes every path up to the next option, so the \
                rule and the event stand first.
                Exit status: 0 explained, 1 a rule cannot be used, 2 usage, 3 cannot read.
                """)

        @Argument(help: "Name, id or file of a rule.")
        var rule: String
        @Argument(help: "The event: a file, - for standard input, or JSON.")
        var event: String
        @Option(help: "Which line of the file, where it holds several events.")
        var line = 1
        @Option(parsing: .upToNextOption, help: "Rule files or folders; ./detectors without.")
        var detectors: [String] = []
        @OptionGroup var rules: RuleOptions
        @OptionGroup var events: EventOptions
        @Option(help: "text or json.")
        var format = Format.text

        func run() throws {
            let (files, chosen) = try choose()
            for error in files.errors { Terminal.error("\(error)") }
            guard !chosen.isEmpty else {
                if !files.errors.isEmpty { throw ExitCode.foundWrong }
                let known = files.rules.metadata.map(\.label)
                throw ValidationError(unknownKey(rule, known: known, what: "rule"))
            }
            let bytes = try read()
            let mapping = try Mapping.named(events.mapping ?? "ocsf")
            let directory = try events.directory()
            for metadata in chosen {
                let explainer = try EventExplainer(metadata, of: files, mapping: mapping, directory: directory)
                do {
                    let (explanation, derived) = try bytes.withUnsafeBytes { try explainer.explain($0) }
                    switch format {
                    case .text: Terminal.print(explanation.text(derived: derived))
                    case .json: Terminal.line(explanation.json(derived: derived))
                    }
                } catch let error as EventError {
                    throw LineReader.ReadError("\(event.prefix(100)): \(error).")
                }
            }
            if !files.errors.isEmpty { throw ExitCode.foundWrong }
        }

        /// The rules of a file, else the one of that name.
        private func choose() throws -> (DetectorFiles, [RuleMetadata]) {
            let isFile = FileManager.default.fileExists(atPath: rule)
            guard isFile else {
                let files = try rules.load(detectors.isEmpty ? ["detectors"] : detectors)
                return (files, files.metadata(rule).map { [$0] } ?? [])
            }
            let wanted = URL(fileURLWithPath: rule).resolvingSymlinksInPath().path
            func isWanted(_ metadata: RuleMetadata) -> Bool {
                URL(fileURLWithPath: metadata.file).resolvingSymlinksInPath().path == wanted
            }
            // A correlation may refer to rules of other files, so the folder it is in comes along where there is one.
            let folders =
                detectors.isEmpty && FileManager.default.fileExists(atPath: "detectors") ? ["detectors"] : detectors
            if !folders.isEmpty {
                let files = try rules.load(folders)
                let found = files.rules.metadata.filter(isWanted)
                if !found.isEmpty { return (files, found) }
            }
            let files = try rules.load(detectors + [rule])
            return (files, files.rules.metadata.filter(isWanted))
        }

        private func read() throws -> [UInt8] {
            if event.drop(while: \.isWhitespace).hasPrefix("{") { return Array(event.utf8) }
            let reader = try LineReader(path: event)
            var lines: [[UInt8]] = []
            while try reader.next({ lines.append(Array($0)) }), lines.count < max(line, 10_000) {}
            // One event over several lines is no line of NDJSON.
            let whole = Array(lines.joined(separator: [0x0A]))
            if line == 1, (try? JSONSerialization.jsonObject(with: Data(whole))) != nil { return whole }
            guard line >= 1, line <= lines.count else {
                throw ValidationError(
                    "--line \(line): \(event == "-" ? "standard input" : event) has \(counted(lines.count, "line")).")
            }
            return lines[line - 1]
        }
    }
}
