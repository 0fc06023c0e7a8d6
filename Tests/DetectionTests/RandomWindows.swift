// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Foundation

/// Correlations and events by chance, and what must fire, counted window by window from all events at once.
struct RandomWindows {
    struct Rule {
        enum Kind { case count, sum, distinct }

        var name: String
        var kind: Kind
        /// The detection rules, `x` and `y`.
        var rules: [String]
        /// Per detection rule, the field that stands for the group.
        var group: [String: String]
        var field = ""
        var span: Int64
        var limit: Double
        var isStrict = false

        var yaml: String {
            let comparison = isStrict ? "gt" : "gte"
            let type =
                switch kind {
                case .count: "event_count"
                case .sum: "value_sum"
                case .distinct: "value_count"
                }
            let condition =
                kind == .count ? "{ \(comparison): \(limit) }" : "{ field: \(field), \(comparison): \(limit) }"
            let fields = Set(rules.compactMap { group[$0] })
            let isAlias = fields.count > 1 || group["y"] == "b"
            let aliases =
                isAlias
                ? "aliases: { k: { \(rules.map { "\($0): \(group[$0] ?? "")" }.joined(separator: ", ")) } }, " : ""
            return """
                title: \(name)
                name: \(name)
                correlation: { type: \(type), rules: [\(rules.joined(separator: ", "))], \(aliases)group-by: [\(isAlias ? "k" : fields.first ?? "")], timespan: \(span / 1000)s, condition: \(condition) }
                level: high
                """
        }

        func reaches(_ value: Double) -> Bool { isStrict ? value > limit : value >= limit }
    }

    struct Event {
        var time: Int64
        /// Nil: the event has none.
        var uid: String?
        var isX = true
        var isY = false
        /// `a`, `b` and the numbers `v` and `w`, as they stand in the event.
        var groups: [String: String] = [:]
        var numbers: [String: Double] = [:]
        var lists: [String: [String]] = [:]

        var json: String {
            var parts = ["\"time\":\(TestEvent.start + time)", "\"x\":\(isX ? 1 : 0)", "\"y\":\(isY ? 1 : 0)"]
            if let uid { parts.append("\"metadata\":{\"uid\":\"\(uid)\"}") }
            for (name, value) in groups.sorted(by: { $0.key < $1.key }) { parts.append("\"\(name)\":\"\(value)\"") }
            for (name, value) in numbers.sorted(by: { $0.key < $1.key }) { parts.append("\"\(name)\":\(value)") }
            for (name, values) in lists.sorted(by: { $0.key < $1.key }) {
                parts.append("\"\(name)\":[\(values.map { "\"\($0)\"" }.joined(separator: ","))]")
            }
            return "{\(parts.joined(separator: ","))}"
        }

        /// As ids of equal times are ordered.
        var order: (Int, UInt64, UInt64) {
            guard let uid else { return (0, 0, 0) }
            let bytes = Array(uid.utf8)
            if bytes.count == 36 {
                let digits = uid.replacing("-", with: "")
                return (1, UInt64(digits.prefix(16), radix: 16) ?? 0, UInt64(digits.suffix(16), radix: 16) ?? 0)
            }
            if bytes.count > 15 {
                return bytes.withUnsafeBytes { (3, stableHash($0), stableHash($0, seed: 0xD6E8_FEB8_6659_FD93)) }
            }
            let padded = bytes + [UInt8](repeating: 0, count: 15 - bytes.count)
            return (
                2, ([UInt8(bytes.count)] + padded[..<7]).reduce(0) { $0 << 8 | UInt64($1) },
                padded[7...].reduce(0) { $0 << 8 | UInt64($1) }
            )
        }
    }

    static let detections = ["x", "y"].map {
        """
        title: \($0)
        name: \($0)
        logsource: { category: test }
        detection: { selection: { \($0): 1 }, condition: selection }
        level: low
        """
    }

    static func yaml(_ rules: [Rule]) -> String { (detections + rules.map(\.yaml)).joined(separator: "\n---\n") }

    /// What a rule counts of an event.
    private enum Value: Hashable {
        case one
        case number(Double)
        case text(String)
    }

    private struct Counted {
        let time: Int64
        let order: (Int, UInt64, UInt64)
        let uid: String
        let value: Value

        static func precedes(_ a: Counted, _ b: Counted) -> Bool {
            a.time != b.time ? a.time < b.time : a.order < b.order
        }
    }

    private static func values(_ rule: Rule, _ event: Event) -> [Value] {
        switch rule.kind {
        case .count: [.one]
        case .sum: event.numbers[rule.field].map { [.number($0)] } ?? []
        case .distinct: (event.lists[rule.field] ?? []).map { .text($0) }
        }
    }

    /// The events at which a rule fires: rule, group, time and id.
    static func expected(_ rule: Rule, _ events: [Event]) -> Set<String> {
        struct Identity: Hashable {
            let time: Int64
            let uid: String?
            let value: Value
        }
        var groups: [String: [Identity: Counted]] = [:]
        for event in events {
            for source in rule.rules where source == "x" ? event.isX : event.isY {
                guard let group = rule.group[source].flatMap({ event.groups[$0] }) else { continue }
                for value in values(rule, event) {
                    groups[group, default: [:]][Identity(time: event.time, uid: event.uid, value: value)] = Counted(
                        time: event.time, order: event.order, uid: event.uid ?? "", value: value)
                }
            }
        }
        var fired: Set<String> = []
        for (group, counted) in groups {
            let all = counted.values.sorted(by: Counted.precedes)
            var (sum, start, seen) = (0.0, 0, [Value: Int]())
            for event in all {
                seen[event.value, default: 0] += 1
                if case .number(let number) = event.value { sum += number }
                while all[start].time < event.time - rule.span {
                    if case .number(let number) = all[start].value { sum -= number }
                    if let count = seen[all[start].value] { seen[all[start].value] = count > 1 ? count - 1 : nil }
                    start += 1
                }
                let value: Double =
                    switch rule.kind {
                    case .count: Double(seen[.one] ?? 0)
                    case .sum: sum
                    case .distinct: Double(seen.count)
                    }
                if rule.reaches(value) { fired.insert("\(rule.name) \(group) \(event.time) \(event.uid)") }
            }
        }
        return fired
    }

    static func fired(_ alerts: [Alert]) -> [String] {
        alerts.map {
            "\($0.ruleName) \($0.group.first?.value ?? "") \($0.time - TestEvent.start) \($0.relatedEvents.last ?? "")"
        }
    }
}

extension RandomWindows.Rule {
    /// - Parameter spans: ms.
    init(_ name: String, spans: [Int64], _ generator: inout SeededGenerator) {
        self.name = name
        kind = [.count, .sum, .distinct].randomElement(using: &generator) ?? .count
        rules = [["x"], ["y"], ["x", "y"], ["y", "x"]].randomElement(using: &generator) ?? []
        let groups = [
            ["x": "a", "y": "a"], ["x": "a", "y": "a"], ["x": "a", "y": "b"], ["x": "b", "y": "a"],
            ["x": "b", "y": "b"],
        ]
        group = groups.randomElement(using: &generator) ?? [:]
        span = spans.randomElement(using: &generator) ?? 1000
        limit = Double(Int.random(in: Bool.random(using: &generator) ? 2...8 : 2...60, using: &generator))
        isStrict = Int.random(in: 0..<4, using: &generator) == 0
        switch kind {
        case .count:
            if Int.random(in: 0..<10, using: &generator) == 0 { limit += 0.5 }
        case .sum:
            field = Bool.random(using: &generator) ? "v" : "w"
            limit *= [0.5, 1, 7.5, 40, 1e9].randomElement(using: &generator) ?? 1
        case .distinct:
            field = Bool.random(using: &generator) ? "n" : "m"
        }
    }
}

/// How the events of an example are.
struct RandomEvents {
    var keys: [String]
    /// Between two events, ms.
    var steps: [ClosedRange<Int64>]
    var hasOddNumbers = false
    var hasNegatives = false
    /// Whether ids come back with other values, and events without one.
    var hasOddIDs = false
    var names = 12

    func make(_ count: Int, _ generator: inout SeededGenerator) -> [RandomWindows.Event] {
        var time: Int64 = 0
        var step = steps[0]
        var events: [RandomWindows.Event] = []
        var few = 3
        while events.count < count {
            if Int.random(in: 0..<25, using: &generator) == 0 { step = steps.randomElement(using: &generator) ?? step }
            if Int.random(in: 0..<40, using: &generator) == 0 { few = Int.random(in: 1...names, using: &generator) }
            time += Int64.random(in: step, using: &generator)
            var event = RandomWindows.Event(time: time, uid: uid(events.count, &generator))
            event.isX = Int.random(in: 0..<3, using: &generator) > 0
            event.isY = !event.isX || Bool.random(using: &generator)
            for name in ["a", "b"] where Int.random(in: 0..<20, using: &generator) > 0 {
                event.groups[name] =
                    Int.random(in: 0..<25, using: &generator) == 0
                    ? "rare\(Int.random(in: 0..<30, using: &generator))" : keys.randomElement(using: &generator)
            }
            for name in ["v", "w"] where Int.random(in: 0..<15, using: &generator) > 0 {
                event.numbers[name] = number(&generator)
            }
            for name in ["n", "m"] where Int.random(in: 0..<15, using: &generator) > 0 {
                event.lists[name] = (0..<Int.random(in: 0...3, using: &generator)).map { _ in
                    "v\(Int.random(in: 0..<few, using: &generator))"
                }
            }
            events.append(event)
            if hasOddIDs, Int.random(in: 0..<12, using: &generator) == 0 {
                event.uid = events[max(0, events.count - 4)].uid
                event.numbers["v"] = number(&generator)
                event.lists["n"] = ["v1", "v\(Int.random(in: 0..<few, using: &generator))"]
                if Bool.random(using: &generator) { event.time = events[max(0, events.count - 4)].time }
                events.append(event)
            }
        }
        return events
    }

    private func uid(_ number: Int, _ generator: inout SeededGenerator) -> String? {
        let hex = String(number, radix: 16)
        switch Int.random(in: 0..<10, using: &generator) {
        case 0: return "an-id-longer-than-15-bytes-\(number)"
        case 1: return "\(String(repeating: "0", count: 8 - hex.count))\(hex)-1234-4abc-8def-0123456789ab"
        case 2: return hasOddIDs ? nil : "\(number)"
        default: return "e\(number)"
        }
    }

    private func number(_ generator: inout SeededGenerator) -> Double {
        if hasNegatives, Int.random(in: 0..<6, using: &generator) == 0 {
            return -Double(Int.random(in: 0...20, using: &generator))
        }
        if hasOddNumbers, Int.random(in: 0..<40, using: &generator) == 0 {
            return [0.125, 4_294_967_295, 4_294_967_296, 5e9, 1e12, 0.5].randomElement(using: &generator) ?? 0
        }
        return Double(Int.random(in: 0...9, using: &generator))
    }
}
