// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Detectors
import Foundation
import Sigma
import Testing
import YAMLDocument

@Suite("The difference between two sets of rules")
struct RuleDiffTests {
    private func diff(_ old: String, _ new: String, _ lines: [String]) throws -> RuleDiff {
        let folder = try TemporaryFolder()
        let input = try folder.write("in.ndjson", lines.joined(separator: "\n"))
        func files(_ text: String) throws -> DetectorFiles {
            try DetectorFiles(documents: try YAMLReader.documents(text: text, file: "r.yml"))
        }
        return RuleDiff(
            old: try files(old), new: try files(new), oldAlerts: try backtest([input], rules: old).alerts,
            newAlerts: try backtest([input], rules: new).alerts)
    }

    private let events = (0..<4).map { #"{"time":\#(1_700_000_000 + $0),"op":"\#($0 < 3 ? "x" : "y")","n":\#($0)}"# }

    @Test("is nothing for the same rules, however they are ordered and commented")
    func same() throws {
        let (x, y) = (rule("x"), rule("y"))
        let diff = try diff("\(x)\n---\n\(y)", "# as before\n\(y)\n---\n\(x)", events)
        #expect(diff.isEmpty)
        #expect(diff.unchanged == 2)
    }

    @Test("names rules added, removed and changed, the keys, and alerts only before, only after and in both")
    func changes() throws {
        let narrowed = rule("x").replacing("{ op: x }", with: "{ op: x, n|gte: 2 }")
        let widened = rule("z").replacing("{ op: z }", with: "{ n|gte: 3 }")
        let diff = try diff(
            [rule("x"), rule("y"), rule("z")].joined(separator: "\n---\n"),
            [narrowed, widened, rule("w")].joined(separator: "\n---\n"), events)
        #expect(diff.rules.map(\.name) == ["w", "x", "y", "z"])
        #expect(diff.rules.map(\.change) == [.added, .changed, .removed, .changed])
        #expect(diff.rules.map(\.onlyOld.count) == [0, 2, 1, 0])
        #expect(diff.rules.map(\.onlyNew.count) == [0, 0, 0, 1])
        #expect(diff.rules.map(\.both) == [0, 1, 0, 0])
        #expect(diff.rules[1].keys == ["detection.selection.n|gte"])
        #expect(diff.rules[3].keys == ["detection.selection.op", "detection.selection.n|gte"])
        let json = try JSONSerialization.jsonObject(with: Data(diff.json)) as? [String: Any]
        #expect((json?["rules"] as? [Any])?.count == 4)
    }

    @Test("shows a rule whose alerts change because one that it refers to did")
    func throughReferences() throws {
        let correlation =
            "title: c\nname: c\ncorrelation: { type: event_count, rules: [x], timespan: 1m, condition: { gte: 3 } }"
        let diff = try diff(
            "\(rule("x"))\n---\n\(correlation)",
            "\(rule("x").replacing("{ op: x }", with: "{ op: x, n|gt: 0 }"))\n---\n\(correlation)", events)
        #expect(diff.rules.map(\.name) == ["c", "x"])
        #expect(diff.rules.map(\.change) == [.unchanged, .changed])
        #expect(diff.rules.first?.onlyOld.count == 1)
    }
}

@Suite("Promoting a rule")
struct RulePromotionTests {
    private func promote(
        _ text: String, _ name: String = "x", to status: RuleMetadata.Status? = nil
    ) throws -> String {
        let rules = RuleSet(documents: try YAMLReader.documents(text: text, file: "r.yml"))
        #expect(rules.errors == [])
        let rule = try #require(rules.metadata.first { $0.name == name })
        let bytes = try RulePromotion(rule, to: status).apply(to: Array(text.utf8), date: "2026-11-30")
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("leaves a template alone: its status is that of other rules as well")
    func template() throws {
        let text = """
            action: global
            status: experimental
            logsource: { category: test }
            ---
            title: X
            name: x
            detection: { selection: { op: x }, condition: selection }
            ---
            title: Y
            name: y
            status: experimental
            detection: { selection: { op: y }, condition: selection }
            """
        let error = #expect(throws: DocumentError.self) { try promote(text) }
        #expect(error?.description.contains("comes from a template") == true)
        #expect(try promote(text, "y").contains("name: y\nstatus: test\n"))
    }

    @Test(
        "changes the values of status and modified, and keeps every other byte",
        arguments: [
            ("status: experimental\nmodified: 2026-01-01\n", "status: test\nmodified: 2026-11-30\n"),
            (
                "status:   'experimental'  # since May\nmodified: \"2026-01-01\" # x\n",
                "status:   'test'  # since May\nmodified: \"2026-11-30\" # x\n"
            ),
            (
                "date: 2026-01-01\nauthor: ü \nstatus: test\n",
                "date: 2026-01-01\nmodified: 2026-11-30\nauthor: ü \nstatus: stable\n"
            ),
            ("status: experimental\r\nlevel: low\r\n", "status: test\r\nmodified: 2026-11-30\r\nlevel: low\r\n"),
        ])
    func lines(before: String, after: String) throws {
        let text = "\(rule("w"))\nstatus: experimental\n---\n# kept\n\(rule("x"))\n\(before)# end"
        #expect(try promote(text) == text.replacing("\(before)# end", with: "\(after)# end"))
    }

    @Test("goes one up, or to what is asked")
    func ladder() throws {
        func status(_ from: String, _ to: RuleMetadata.Status?) throws -> String? {
            let text = try promote("\(rule("x"))\nstatus: \(from)\n", to: to)
            return RuleSet(documents: try YAMLReader.documents(text: text, file: "r.yml")).metadata.first?.status?
                .rawValue
        }
        #expect(try status("experimental", nil) == "test")
        #expect(try status("experimental", .stable) == "stable")
        #expect(try status("test", nil) == "stable")
    }

    @Test(
        "refuses what does not stand below",
        arguments: [
            ("status: stable", nil), ("status: test", RuleMetadata.Status.test), ("status: deprecated", nil),
            ("status: unsupported", .stable), ("author: ana", nil), ("\"status\": test", nil),
        ])
    func refused(line: String, to: RuleMetadata.Status?) throws {
        #expect(throws: DocumentError.self) { try promote("\(rule("x"))\n\(line)\n", to: to) }
    }
}
