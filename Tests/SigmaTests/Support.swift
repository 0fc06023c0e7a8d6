// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
import Sigma
import Testing
import YAMLDocument

/// The set of the rules of one text, named `test.yml` in errors.
func ruleSet(_ text: String) throws -> RuleSet {
    RuleSet(documents: try YAMLReader.documents(text: text, file: "test.yml"))
}

/// The rule with a `detection` of these lines.
func ruleText(_ detection: String) -> String {
    let lines = detection.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)" }.joined(
        separator: "\n")
    return "title: A rule\nlogsource: { product: test }\ndetection:\n\(lines)\n"
}

/// The rule of one selection; the selection's YAML may have several lines.
func selectionText(_ selection: String) -> String {
    let lines = selection.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)" }.joined(
        separator: "\n")
    return ruleText("sel:\n\(lines)\ncondition: sel")
}

/// Detection rules compiled for events of any shape.
final class Probe {
    private let matcher: RuleMatcher
    private let decoder: EventDecoder

    /// - Parameter triesAll: without the candidate index.
    init(_ set: RuleSet, triesAll: Bool = false) throws {
        try #require(set.errors == [])
        var plan = FieldPlan(mapping: .raw)
        matcher = try RuleMatcher(set.detections, plan: &plan, triesAll: triesAll)
        decoder = try #require(plan.makeDecoder(limits: .init(maximumBytes: 4 << 20)))
    }

    /// Indexes of the rules that the event matches.
    func matches(_ event: String) throws -> [Int] {
        var found: [Int] = []
        let bytes = Array(event.utf8)
        try bytes.withUnsafeBytes { text in
            let view = try decoder.decode(text, fallbackUID: .missing, fallbackTime: 0)
            matcher.match(view) { found.append($0) }
        }
        return found
    }

    var limitReached: Int { matcher.regexLimitReached }
}

/// Whether a rule of these `detection` lines matches an event.
func detects(_ detection: String, _ event: String) throws -> Bool {
    try Probe(try ruleSet(ruleText(detection))).matches(event) == [0]
}

/// One row of a table: a selection, an event and whether they match.
struct Row: CustomTestStringConvertible, Sendable {
    let selection: String
    let event: String
    let matches: Bool

    init(_ selection: String, _ event: String, _ matches: Bool) {
        self.selection = selection
        self.event = event
        self.matches = matches
    }

    var testDescription: String { "\(selection) \(matches ? "matches" : "does not match") \(event)" }

    func check(_ location: SourceLocation = #_sourceLocation) throws {
        let probe = try Probe(try ruleSet(selectionText(selection)))
        let found = try probe.matches(event) == [0]
        #expect(found == matches, "\(testDescription)", sourceLocation: location)
    }
}

/// The errors of a load, as a person reads them.
func errors(_ text: String) throws -> [String] {
    try ruleSet(text).errors.map(\.description)
}

/// A text with one fault, at the mark `¦`, and what is said of it.
struct Fault: Sendable, CustomTestStringConvertible {
    let marked: String
    /// Key and message.
    let message: String

    init(_ marked: String, _ message: String) {
        self.marked = marked
        self.message = message
    }

    var testDescription: String { message }

    /// The text gives one error, with the line and column of the mark.
    func check(_ location: SourceLocation = #_sourceLocation) throws {
        let parts = marked.split(separator: "¦", omittingEmptySubsequences: false)
        try #require(parts.count == 2)
        let before = parts[0].split(separator: "\n", omittingEmptySubsequences: false)
        let place = "test.yml:\(before.count):\((before.last?.count ?? 0) + 1)"
        #expect(try errors(parts.joined()) == ["\(place): \(message)"], sourceLocation: location)
    }
}
