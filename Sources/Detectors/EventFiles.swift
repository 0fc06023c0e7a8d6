// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
import YAMLDocument

/// Tests of a rule file that are too long to stand in it: `rule.tests/` beside `rule.yml`, with files of events (NDJSON) and
/// `expect.yml`, which says per file what the rules give.
///
///     break-in.ndjson:
///       mapping: teleport        # ocsf without
///       identities: people.csv   # an identity directory beside this file
///       alerts:
///         gw_fail_then_succeed: { exactly: 1, identities: [ana] }
///         gw_chain: 0
struct EventFiles {
    /// One file of events and what it gives.
    struct Case {
        let events: String
        let mapping: Mapping
        let directory: IdentityDirectory?
        let wanted: Expectations
        let node: YAMLNode
    }

    static let expectations = "expect.yml"
    static let suffix = ".tests"

    /// The tests beside a rule file; none where there is no folder.
    ///
    /// - Throws: `DocumentError` with file, line and key for what is wrong with them: also a file of events that nothing is
    ///   expected of, as such a test would test nothing.
    static func cases(beside ruleFile: String) throws(DocumentError) -> [Case] {
        let folder = (ruleFile as NSString).deletingPathExtension + suffix
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
            return []
        }
        let path = "\(folder)/\(expectations)"
        guard FileManager.default.fileExists(atPath: path) else {
            throw DocumentError(
                file: path,
                message:
                    "is missing: it says what the events beside it give. Write events.ndjson: { alerts: { rule: 1 } }.")
        }
        guard let document = try YAMLReader.documents(path: path).first else {
            throw DocumentError(file: path, message: "is empty. Write events.ndjson: { alerts: { rule: 1 } }.")
        }
        var cases: [Case] = []
        for entry in try document.entries() { cases.append(try make(entry, in: folder)) }
        let known = Set(cases.map { ($0.events as NSString).lastPathComponent })
        let present = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in present.sorted() where isLog(name) && !known.contains(name) {
            throw document.error("says nothing about \(name), which lies beside it. Add it or remove the file.")
        }
        return cases
    }

    private static func isLog(_ name: String) -> Bool {
        let plain = name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
        return !name.hasPrefix(".") && LogFiles.extensions.contains((plain as NSString).pathExtension)
    }

    private static func make(_ entry: YAMLNode.Entry, in folder: String) throws(DocumentError) -> Case {
        let node = entry.value
        try node.refuseKeys(except: ["mapping", "identities", "alerts"])
        let events = "\(folder)/\(entry.key)"
        guard FileManager.default.fileExists(atPath: events) else {
            throw node.error("the file of events \(events) does not exist.")
        }
        let name = try node["mapping"]?.text() ?? "ocsf"
        let beside = "\(folder)/\(name)"
        let mapping = try Mapping.named(FileManager.default.fileExists(atPath: beside) ? beside : name)
        return Case(
            events: events,
            // Rules of any product are tested, as by inline tests.
            mapping: mapping.applyingToEveryRule(),
            directory: try node["identities"].map { node throws(DocumentError) in
                try IdentityDirectory(path: "\(folder)/\(try node.text())")
            }, wanted: try Expectations(try node.required("alerts")), node: node)
    }
}
