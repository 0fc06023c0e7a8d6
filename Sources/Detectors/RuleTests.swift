// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Calendar
import Detection
import Foundation
import Sigma
import YAMLDocument

/// Runs the inline tests of rules (`gatewatch: tests`), each with an engine of its own.
package enum RuleTests {
    /// The result of one test.
    package struct Outcome: Sendable {
        package let rule: String
        package let test: String
        package let file: String
        package let line: Int
        package let expected: Int
        package let found: Int
        /// The alerts in words, to see what happened.
        package let messages: [String]

        package var passed: Bool { expected == found }
    }

    /// When the first event of a test is, unless the test says `start`: Wednesday 2026-11-18 12:00 UTC.
    static let start: Int64 = 1_795_003_200_000

    /// Runs all tests of a set, rule by rule. Throws `DocumentError` for a test that cannot be run.
    package static func run(_ files: DetectorFiles) throws -> [Outcome] {
        var outcomes: [Outcome] = []
        let rules = files.rules
        for (index, rule) in rules.detections.enumerated() where !rule.metadata.extensions.tests.isEmpty {
            outcomes += try run(rule.metadata, alone(.detection(index), rules), files.calendars)
        }
        for (index, rule) in rules.correlations.enumerated() where !rule.metadata.extensions.tests.isEmpty {
            outcomes += try run(rule.metadata, alone(.correlation(index), rules), files.calendars)
        }
        return outcomes
    }

    /// A rule with what it refers to and nothing else: a building block then raises alerts of its own.
    private static func alone(_ rule: CorrelationRule.Reference, _ rules: RuleSet) -> RuleSet {
        var taken: Set<String> = []
        func take(_ rule: CorrelationRule.Reference) {
            switch rule {
            case .detection(let index):
                let metadata = rules.detections[index].metadata
                guard taken.insert(metadata.key).inserted, let ratio = metadata.extensions.ratio else { return }
                for index in rules.detections(named: ratio.of + ratio.to) { take(.detection(index)) }
            case .correlation(let index):
                guard taken.insert(rules.correlations[index].metadata.key).inserted else { return }
                for reference in rules.correlations[index].references { take(reference) }
            }
        }
        take(rule)
        return rules.keeping { taken.contains($0.key) }
    }

    private static func run(
        _ metadata: RuleMetadata, _ rules: RuleSet, _ calendars: [String: ICalendar]
    ) throws -> [Outcome] {
        // Rules of any product are tested on events with the canonical fields.
        let ocsf = try Mapping.named("ocsf")
        let mapping = Mapping(name: ocsf.name, logsources: nil, fields: ocsf.fields)
        let plan = try DetectorPlan(rules: rules, mapping: mapping, calendars: calendars)
        return try metadata.extensions.tests.map { test in
            let engine = Engine(plan: plan)
            var line = 0
            for event in try events(test) {
                line += 1
                let json = try JSONSerialization.data(withJSONObject: event)
                try json.withUnsafeBytes { bytes in
                    let uid = Array("line:\(line)".utf8)
                    try uid.withUnsafeBytes { uid in
                        do throws(EventError) {
                            try engine.process(plan.decoder.decode(bytes, fallbackUID: .string(uid)))
                        } catch {
                            throw test.node.error("test '\(test.name)', event \(line): \(error).")
                        }
                    }
                }
            }
            engine.finish()
            let alerts = engine.takeAlerts().filter { $0.ruleID == metadata.key }
            return Outcome(
                rule: metadata.label, test: test.name, file: metadata.file, line: test.node.line, expected: test.alerts,
                found: alerts.count, messages: alerts.map { "\(Timestamp.iso8601($0.time)) \($0.message)" })
        }
    }

    private static func events(_ test: RuleExtension.Test) throws -> [[String: Any]] {
        var first = start
        if let text = test.start {
            guard let time = Array(text.utf8).withUnsafeBytes({ Timestamp.fromISO8601($0) }) else {
                throw test.node.error("start: '\(text)' is not an ISO 8601 time such as 2026-11-18T03:12:00Z.")
            }
            first = time
        }
        var events: [[String: Any]] = []
        var next = first
        for group in test.events {
            var time = group.at.map { first + $0 } ?? next
            for index in 0..<group.count {
                var event: [String: Any] = ["time": time]
                for (field, value) in group.set { event[field] = try json(value) }
                for (field, values) in group.vary { event[field] = try json(values[index % values.count]) }
                events.append(event)
                time += group.every
            }
            next = time
        }
        return events
    }

    private static func json(_ node: YAMLNode) throws -> Any {
        switch node.content {
        case .sequence(let items): return try items.map { try json($0) }
        case .mapping: throw node.error("write the field with dots: set: { api.operation: ... }.")
        case .scalar(let scalar):
            switch scalar.resolved {
            case .null: return NSNull()
            case .bool(let value): return value
            case .int(let value): return value
            case .double(let value): return value
            case .string(let text): return text
            }
        }
    }
}
