// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Sigma
import Testing
import YAMLDocument

/// Sigma specification 2.1, "Placeholders": section 1.7 of the checklist.
@Suite("Placeholders")
struct PlaceholdersTests {
    private static let rule = """
        title: Placeholder
        logsource: { category: test }
        detection:
          selection:
            user|expand: '%Administrators%'
            host|contains|expand: ['srv-%sites%-', 'a\\%b']
          condition: selection
        """

    private func set(_ lists: String) throws -> RuleSet {
        let document = try #require(try YAMLReader.documents(text: lists, file: "lists.yml").first)
        return RuleSet(
            documents: try YAMLReader.documents(text: Self.rule, file: "rule.yml"),
            lists: try PlaceholderLists(document))
    }

    private func matches(_ rules: RuleSet, _ json: String) throws -> Bool {
        var plan = FieldPlan(mapping: .raw)
        let matcher = try RuleMatcher(rules.detections, plan: &plan)
        let decoder = try #require(plan.makeDecoder())
        var found = false
        try Array(json.utf8).withUnsafeBytes { bytes in
            matcher.match(try decoder.decode(bytes, fallbackUID: .missing, fallbackTime: 0)) { _ in found = true }
        }
        return found
    }

    @Test("takes any value of a list, keeps the text around it, and its wildcards")
    func expands() throws {
        let rules = try set("{ Administrators: [root, 'adm-*'], sites: [ber, ham] }")
        #expect(rules.errors.isEmpty)
        #expect(try matches(rules, #"{"user":"ROOT","host":"srv-ham-7"}"#))
        #expect(try matches(rules, #"{"user":"adm-3","host":"srv-ber-"}"#))
        #expect(try matches(rules, #"{"user":"root","host":"xa%b"}"#))
        #expect(try !matches(rules, #"{"user":"guest","host":"srv-ham-7"}"#))
        #expect(try !matches(rules, #"{"user":"root","host":"srv-muc-7"}"#))
        #expect(try !matches(rules, #"{"user":"%Administrators%","host":"srv-ham-7"}"#))
    }

    private func answers(_ selection: String, _ lists: [String: [String]], _ event: String) throws -> Bool {
        let documents = try YAMLReader.documents(text: selectionText(selection), file: "rule.yml")
        let rules = RuleSet(documents: documents, lists: PlaceholderLists(lists))
        #expect(rules.errors == [])
        return try matches(rules, event)
    }

    @Test("the standard names are names like any other; without `expand` they are text")
    func standardNames() throws {
        for name in ["Administrators", "JumpServers", "Workstations", "Servers", "DomainControllers"] {
            #expect(try answers("a|expand: '%\(name)%'", [name: ["x", "y"]], #"{"a":"Y"}"#))
            #expect(try answers("a: '%\(name)%'", [name: ["x"]], "{\"a\":\"%\(name)%\"}"))
            #expect(try !answers("a: '%\(name)%'", [name: ["x"]], #"{"a":"x"}"#))
        }
    }

    @Test("wildcards around a placeholder are kept, and the values may have some")
    func wildcards() throws {
        #expect(try answers("a|expand: 'adm-*-%site%?'", ["site": ["ber"]], #"{"a":"ADM-root-ber1"}"#))
        #expect(try !answers("a|expand: 'adm-*-%site%?'", ["site": ["ber"]], #"{"a":"adm-root-ber"}"#))
        #expect(try answers("a|expand: '%p%'", ["p": ["*.internal"]], #"{"a":"db.internal"}"#))
        #expect(try answers("a|startswith|expand: '%p%/'", ["p": ["tmp", "var"]], #"{"a":"VAR/log"}"#))
        #expect(try !answers("a|startswith|expand: '%p%/'", ["p": ["tmp", "var"]], #"{"a":"xvar/log"}"#))
    }

    @Test("a placeholder is an OR of its values also under `all`, and all of them for `neq`")
    func linked() throws {
        let lists = ["p": ["x", "y"]]
        #expect(try answers("a|contains|all|expand: ['%p%', z]", lists, #"{"a":"y-z"}"#))
        #expect(try !answers("a|contains|all|expand: ['%p%', z]", lists, #"{"a":"x-y"}"#))
        #expect(try answers("a|expand|neq: '%p%'", lists, #"{"a":"z"}"#))
        #expect(try !answers("a|expand|neq: '%p%'", lists, #"{"a":"Y"}"#))
    }

    @Test("placeholders are networks after cidr, and are replaced before they are encoded")
    func combined() throws {
        #expect(try answers("a|cidr|expand: '%net%'", ["net": ["10.0.0.0/8", "fc00::/7"]], #"{"a":"fd00::1"}"#))
        #expect(try answers("a|expand|base64|contains: '%p% -x'", ["p": ["cmd"]], #"{"a":"..Y21kIC14.."}"#))
    }

    @Test("refuses a rule whose placeholder has no list, naming it and the remedy")
    func unknown() throws {
        let rules = try set("{ sites: [ber] }")
        #expect(rules.detections.isEmpty)
        #expect(
            rules.errors.map(\.description) == [
                "rule.yml:5:18: detection.selection.user|expand: the placeholder %Administrators% has no values. Write 'Administrators: [...]' into a file of lists/ beside the rules, or of --lists."
            ])
    }
}
