// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Sigma
import Testing
import YAMLDocument

/// Sigma specification 2.1, "Metadata": section 1.2 of the checklist. What is refused stands in `ErrorTests`.
@Suite("Metadata")
struct MetadataTests {
    private let body = "\ndetection: { s: { a: 1 }, condition: s }\n"

    @Test("every key of the specification is read or kept")
    func keys() throws {
        let set = try ruleSet(
            """
            title: T
            id: 1d2a3b4c-0000-4000-8000-000000000001
            name: a_name
            related: [{ id: 1d2a3b4c-0000-4000-8000-000000000002, type: derived }]
            status: stable
            license: Apache-2.0
            author: ana
            description: Detects a test.
            references: [https://example.org]
            date: 2026-11-21
            modified: 2026-11-22
            tags: [attack.t1567, cve.2026-1, tlp.amber]
            fields: [a]
            falsepositives: [None]
            level: critical
            scope: [server]
            taxonomy: sigma
            owner: detection-team
            logsource: { category: c, product: p, service: s, definition: never evaluated }
            detection: { s: { a: 1 }, condition: s }
            """)
        #expect(set.errors == [] && set.warnings == [])
        let rule = try #require(set.detections.first)
        #expect(rule.metadata.key == "1d2a3b4c-0000-4000-8000-000000000001" && rule.metadata.label == "a_name")
        #expect(rule.metadata.status == .stable && rule.metadata.level == .critical)
        #expect(rule.metadata.tags.count == 3 && rule.metadata.falsePositives == ["None"])
        #expect(rule.metadata.references == ["https://example.org"] && rule.metadata.description == "Detects a test.")
        #expect(try rule.metadata.document["owner"]?.text() == "detection-team")
        #expect(rule.logsource.category == "c" && rule.logsource.product == "p" && rule.logsource.service == "s")
    }

    @Test("each status and level is read; a level orders severity", arguments: RuleMetadata.Status.allCases)
    func words(_ status: RuleMetadata.Status) throws {
        let set = try ruleSet("title: T\nstatus: \(status.rawValue)\nlogsource: {}" + body)
        #expect(set.detections.first?.metadata.status == status)
        #expect(RuleMetadata.Level.allCases.sorted() == RuleMetadata.Level.allCases)
        #expect(RuleMetadata.Level.allCases.map(\.severity) == [1, 2, 3, 4, 5])
    }

    @Test("an informational rule raises no alert of its own")
    func informational() throws {
        for (level, raises) in [("informational", false), ("low", true)] {
            let set = try ruleSet("title: T\nlevel: \(level)\nlogsource: {}" + body)
            #expect(set.raisesAlerts(detection: 0) == raises)
        }
    }

    @Test("related may name each relation of the specification, and `obsoletes` of the versions before")
    func related() throws {
        for type in ["derived", "obsolete", "obsoletes", "merged", "renamed", "similar"] {
            let set = try ruleSet("title: T\nrelated: [{ id: x, type: \(type) }]\nlogsource: {}" + body)
            #expect(set.errors == [] && set.warnings == [])
        }
    }

    @Test("a rule applies where each key of its log source equals the event's; definition does not count")
    func logsource() throws {
        let sources = [(category: "api" as String?, product: "gw" as String?, service: "edge" as String?)]
        func applies(_ logsource: String) throws -> Bool {
            let set = try ruleSet("title: T\nlogsource: \(logsource)" + body)
            let rule = try #require(set.detections.first)
            let ocsf = try Mapping.named("ocsf")
            let mapping = Mapping(
                name: "test",
                logsources: sources.map { .init(category: $0.category, product: $0.product, service: $0.service) },
                fields: ocsf.fields)
            #expect(rule.logsource.applies(to: .raw))
            return rule.logsource.applies(to: mapping)
        }
        #expect(try applies("{}"))
        #expect(try applies("{ product: gw }") && applies("{ product: gw, service: edge, category: api }"))
        #expect(try applies("{ product: gw, definition: anything }"))
        #expect(try !applies("{ product: gw, service: other }") && !applies("{ category: other }"))
        // A key of the rule's own holds nowhere but where nothing is known of the source.
        #expect(try !applies("{ product: gw, region: eu }"))
    }
}
