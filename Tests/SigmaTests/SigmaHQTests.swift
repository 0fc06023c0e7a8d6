// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
import Sigma
import Testing
import YAMLDocument

private let sigmaHQ = ProcessInfo.processInfo.environment["GATEWATCH_SIGMAHQ"]

/// The public rules of SigmaHQ/sigma, which are not part of this repository: `GATEWATCH_SIGMAHQ=FOLDER` names a checkout.
@Suite("SigmaHQ's rules", .enabled(if: sigmaHQ != nil, "GATEWATCH_SIGMAHQ names no checkout"))
struct SigmaHQTests {
    private func documents(_ root: String) throws -> [YAMLNode] {
        var documents: [YAMLNode] = []
        let walk = FileManager.default.enumerator(atPath: root)
        var files: [String] = []
        while let name = walk?.nextObject() as? String {
            let isRule = ["rules", "deprecated", "unsupported"].contains { name.hasPrefix($0) }
            if isRule, name.hasSuffix(".yml") { files.append(name) }
        }
        for file in files.sorted() {
            let text = try String(contentsOfFile: "\(root)/\(file)", encoding: .utf8)
            documents += try YAMLReader.documents(text: text, file: file)
        }
        return documents
    }

    @Test("load, but for what the specification took out; with lists for their placeholders none else is refused")
    func load() throws {
        let documents = try documents(try #require(sigmaHQ))
        try #require(documents.count > 3000)
        var lists: [String: [String]] = [:]
        var set = RuleSet(documents: documents)
        // Each round names the next placeholders of the rules that are still refused.
        for _ in 0..<10 {
            let unknown = set.errors.compactMap { $0.message.firstMatch(of: /the placeholder %([^%]+)%/)?.1 }
            if unknown.isEmpty { break }
            for name in unknown { lists[String(name)] = ["x"] }
            set = RuleSet(documents: documents, lists: PlaceholderLists(lists))
        }
        let retired = set.errors.filter { $0.file.hasPrefix("deprecated") || $0.file.hasPrefix("unsupported") }
        #expect(set.errors.filter { error in !retired.contains(error) } == [])
        #expect(
            retired.allSatisfy { error in
                [
                    "'timeframe' was removed", "aggregations after '|'", "has no meaning in a condition",
                    "already. Give it",
                ]
                .contains { error.message.contains($0) }
            })

        // All of them in one matcher, over an event that none describes.
        var plan = FieldPlan(mapping: .raw)
        let matcher = try RuleMatcher(set.detections, plan: &plan)
        let decoder = try #require(plan.makeDecoder())
        try Array(#"{"gatewatch":"x","EventID":-1}"#.utf8).withUnsafeBytes { bytes in
            let view = try decoder.decode(bytes, fallbackUID: .missing, fallbackTime: 0)
            var found = 0
            matcher.match(view) { _ in found += 1 }
            #expect(found < set.detections.count / 100)
        }
        Attachment.record(
            """
            documents \(documents.count), detections \(set.detections.count), correlations \(set.correlations.count), \
            lists given \(lists.count)
            \(set.errors.map(\.description).joined(separator: "\n"))
            """, named: "sigmahq.txt")
    }
}
