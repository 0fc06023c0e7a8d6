// SPDX-License-Identifier: Apache-2.0

import Foundation
package import Sigma

/// The sentence of an alert: who, what, how much, against which limit, in how long.
package enum AlertText {
    static func message(
        _ metadata: RuleMetadata, group: [Alert.GroupValue], context: [Alert.GroupValue]
    ) -> String {
        let who = group.map(\.value).joined(separator: ", ")
        var sentence = who.isEmpty ? metadata.title : "\(who): \(metadata.title)"
        let details = describe(context)
        if !details.isEmpty { sentence += " (\(details))" }
        return sentence + "."
    }

    static func message(
        _ rule: CorrelationRule, steps: [String], firing: Firing, group: [Alert.GroupValue],
        context: [Alert.GroupValue],
        baseline: Alert.Baseline?
    ) -> String {
        let who = group.isEmpty ? "" : group.map(\.value).joined(separator: ", ") + ": "
        var sentence = "\(who)\(rule.metadata.title): "
        if let expression = rule.expression {
            sentence += "\(expression.text) within \(rule.timespan)"
        } else if rule.kind == .temporalOrdered && rule.bounds.isEmpty {
            sentence += steps.map { "'\($0)'" }.joined(separator: ", then ") + " within \(rule.timespan)"
        } else {
            sentence += "\(counted(rule, firing.value)) within \(rule.timespan) (limit: \(limit(rule)))"
        }
        if let baseline { sentence += ": \(baseline.words(firing.value))" }
        let details = describe(context)
        if !details.isEmpty { sentence += ", last: \(details)" }
        return sentence + "."
    }

    /// `at least 20,000`.
    package static func limit(_ rule: CorrelationRule) -> String {
        if let expression = rule.expression { return expression.text }
        if rule.bounds.isEmpty {
            return rule.kind == .temporalOrdered ? "all in order" : "all"
        }
        return rule.bounds.map { bound in
            let number = format(bound.limit)
            return switch bound.comparison {
            case .gte: "at least \(number)"
            case .gt: "more than \(number)"
            case .lte: "at most \(number)"
            case .lt: "fewer than \(number)"
            case .eq: "exactly \(number)"
            case .neq: "other than \(number)"
            }
        }.joined(separator: " and ")
    }

    private static func counted(_ rule: CorrelationRule, _ value: Double) -> String {
        let number = format(value)
        let field = rule.fields.joined(separator: ", ")
        return switch rule.kind {
        case .eventCount: value == 1 ? "1 event" : "\(number) events"
        case .valueCount: "\(number) different \(field)"
        case .valueSum: "\(field) of \(number) in total"
        case .valueAverage: "\(field) of \(number) on average"
        case .valuePercentile: "\(field) of \(number) at percentile \(format(rule.percentile ?? 50))"
        case .valueMedian: "\(field) of \(number) in the median"
        case .temporal: value == 1 ? "1 signal" : "\(number) different signals"
        case .temporalOrdered: "\(number) steps in order"
        }
    }

    private static func describe(_ context: [Alert.GroupValue]) -> String {
        func value(_ field: String) -> String? { context.first { $0.field == field }?.value }
        var words: [String] = []
        if let operation = value("api.operation") { words.append(operation) }
        if let resource = value("resources.name") { words.append(resource) }
        if let service = value("api.service.name") { words.append("on \(service)") }
        if let address = value("src_endpoint.ip") { words.append("from \(address)") }
        return words.joined(separator: " ")
    }

    /// `31 times`, `1.4 times`.
    static func times(_ ratio: Double) -> String {
        "\(format(ratio < 10 ? tenths(ratio) : ratio.rounded())) times"
    }

    /// For what is only about so large: whole from 10 on, else with tenths.
    static func rounded(_ value: Double) -> String {
        format(abs(value) < 10 ? tenths(value) : value.rounded())
    }

    static func tenths(_ value: Double) -> Double { (value * 10).rounded() / 10 }

    /// Thousands are parted; fractions keep what they need.
    package static func format(_ value: Double) -> String {
        guard value == value.rounded(), abs(value) < 1e15 else { return String(value) }
        let digits = String(Int64(abs(value)))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return value < 0 ? "-" + text : text
    }
}
