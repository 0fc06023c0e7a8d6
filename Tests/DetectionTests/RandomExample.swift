// SPDX-License-Identifier: Apache-2.0

/// Rules and a stream that belong to a seed.
struct RandomExample {
    let rules: [ReferenceRule]
    let events: [TestEvent]
    let yaml: String

    /// Detection rules that keep state of their own.
    static let stateful = """
        title: d_new
        name: d_new
        logsource: { category: test }
        detection:
          selection: { op: x }
          condition: selection
        gatewatch:
          first_seen: { field: n, group-by: [k], history: 1d, learning: 180s }
        ---
        title: d_sup
        name: d_sup
        logsource: { category: test }
        detection:
          selection: { op: y }
          condition: selection
        gatewatch:
          suppress: { episode: 90s, group-by: [k, m] }
        """

    init(seed: UInt64, ruleCount: Int = 6, eventCount: Int = 150) {
        var generator = SeededGenerator(seed: seed)
        var rules: [ReferenceRule] = []
        for index in 0..<ruleCount { rules.append(Self.rule(index, rules, &generator)) }
        self.rules = rules
        let mayBeNegative = rules.allSatisfy { $0.kind != .valueSum || $0.isDeferred }
        events = Self.events(eventCount, mayBeNegative: mayBeNegative, &generator)
        yaml = ([ReferenceEvaluator.base, Self.stateful] + rules.map(\.yaml)).joined(separator: "\n---\n")
    }

    private static func rule(_ index: Int, _ rules: [ReferenceRule], _ generator: inout SeededGenerator)
        -> ReferenceRule
    {
        func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &generator) < probability }
        func pick<T>(_ choices: [T]) -> T { choices[Int.random(in: choices.indices, using: &generator)] }
        let kind = pick(ReferenceRule.Kind.allCases)
        let isSequence = kind == .temporal || kind == .temporalOrdered
        let usesAlias = chance(0.15)
        let groupBy =
            usesAlias
            ? pick([["who"], ["who", "m"]]) : pick([["k"], ["k"], ["k", "m"], ["m"], ["m", "k"], [], ["who"]])
        // Of other correlations only the group is known: to group by it, and to count its values.
        let field: String? = kind == .valueCount ? pick(["v", "m", "k"]) : kind == .valueSum ? "v" : nil
        let bases = ReferenceEvaluator.bases.map(\.0)
        let children = rules.filter { Set($0.groupBy).isSuperset(of: groupBy + (field.map { [$0] } ?? [])) }.map(\.name)
        var offered = usesAlias ? bases : groupBy == ["who"] ? children : bases + children + children
        var groups = groupBy
        if offered.count < 2 {
            offered = bases
            groups = ["k"]
        }
        let count = isSequence ? Int.random(in: 2...3, using: &generator) : Int.random(in: 1...3, using: &generator)
        var names: [String] = []
        for name in offered.shuffled(using: &generator) where !names.contains(name) && names.count < count {
            names.append(name)
        }
        if isSequence, names.count < 2 {
            names = Array(bases.shuffled(using: &generator).prefix(2))
            groups = ["k"]
        }
        var aliases: [String: String] = [:]
        if groups.contains("who"), names.allSatisfy({ $0.hasPrefix("r_") }) {
            for name in names { aliases[name] = pick(["k", "n"]) }
        }
        return ReferenceRule(
            name: "c\(index)", kind: kind, rules: names, groupBy: groups, aliases: aliases,
            timespan: Int64(pick([5, 20, 60, 300])), bounds: bounds(kind, names.count, &generator), field: field)
    }

    private static func bounds(
        _ kind: ReferenceRule.Kind, _ rules: Int, _ generator: inout SeededGenerator
    ) -> [ReferenceRule.Bound] {
        func limit(_ range: ClosedRange<Int>) -> Double { Double(Int.random(in: range, using: &generator)) }
        let shape = Int.random(in: 0..<10, using: &generator)
        if kind == .temporal || kind == .temporalOrdered {
            switch shape {
            case 0..<6: return []
            case 6: return [.init(comparison: "gte", limit: limit(1...rules))]
            case 7: return [.init(comparison: "gt", limit: limit(1...(rules - 1)))]
            default: return [.init(comparison: ["eq", "lte", "neq"][shape % 3], limit: limit(1...rules))]
            }
        }
        let low = kind == .valueSum ? limit(-4...60) / 4 : limit(1...5)
        switch shape {
        case 0..<4: return [.init(comparison: "gte", limit: low)]
        case 4..<6: return [.init(comparison: "gt", limit: low)]
        case 6: return [.init(comparison: "gte", limit: low), .init(comparison: "lte", limit: low + limit(0...3))]
        case 7: return [.init(comparison: "lt", limit: low + 1)]
        case 8: return [.init(comparison: "lte", limit: low)]
        default: return [.init(comparison: ["eq", "neq"].randomElement(using: &generator) ?? "eq", limit: low)]
        }
    }

    private static func events(
        _ count: Int, mayBeNegative: Bool, _ generator: inout SeededGenerator
    ) -> [TestEvent] {
        func pick<T>(_ choices: [T]) -> T { choices[Int.random(in: choices.indices, using: &generator)] }
        var time: Int64 = 0
        return (0..<count).map { index in
            time += Int64(pick([0, 0, 1, 2, 5, 30, 60, 90]))
            var event = TestEvent(time: time, fraction: Int64(pick([0, 0, 0, 0, 1, 999])), uid: "e\(index)")
            event.fields["op"] = pick(["x", "y", "z", "other"])
            if pick(Array(0..<12)) > 0 { event.fields["k"] = pick(["a", "b"]) }
            if pick(Array(0..<12)) > 0 { event.fields["m"] = pick(["p", "q"]) }
            if pick(Array(0..<12)) > 0 { event.fields["n"] = pick(["a", "b", "c"]) }
            // Quarters are exact as doubles, so the obvious sum is exact too.
            if pick(Array(0..<12)) > 0 { event.numbers["v"] = Double(pick(Array((mayBeNegative ? -8 : 0)...16))) / 4 }
            return event
        }
    }
}
