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

    /// - Parameter isKeyed: whether every rule groups by `k`, so that events can be parted by it.
    init(seed: UInt64, ruleCount: Int = 6, eventCount: Int = 150, isKeyed: Bool = false) {
        var generator = RandomRules(seed: seed, isKeyed: isKeyed)
        for index in 0..<ruleCount { generator.add("c\(index)") }
        rules = generator.rules
        // A late negative value cannot take back what a sum has fired, unless an upper limit makes it wait.
        let mayBeNegative = rules.allSatisfy { rule in
            rule.kind != .valueSum || rule.bounds.contains { $0.comparison != "gte" && $0.comparison != "gt" }
        }
        events = generator.events(eventCount, mayBeNegative: mayBeNegative)
        yaml = ([ReferenceEvaluator.base, Self.stateful] + rules.map(\.yaml)).joined(separator: "\n---\n")
    }
}

/// Makes rules and events up.
private struct RandomRules {
    private var generator: SeededGenerator
    private let isKeyed: Bool
    private(set) var rules: [ReferenceRule] = []

    init(seed: UInt64, isKeyed: Bool) {
        generator = SeededGenerator(seed: seed)
        self.isKeyed = isKeyed
    }

    private mutating func chance(_ probability: Double) -> Bool {
        Double.random(in: 0..<1, using: &generator) < probability
    }

    private mutating func pick<T>(_ choices: [T]) -> T { choices[Int.random(in: choices.indices, using: &generator)] }

    private mutating func limit(_ range: ClosedRange<Int>) -> Double {
        Double(Int.random(in: range, using: &generator))
    }

    mutating func add(_ name: String) {
        let kind = pick(ReferenceRule.Kind.allCases)
        var rule = ReferenceRule(
            name: name, kind: kind, rules: [], groupBy: [], timespan: Int64(pick([5, 20, 60, 300])), bounds: [])
        let usesAlias = !isKeyed && chance(0.15)
        if usesAlias {
            rule.groupBy = pick([["who"], ["who", "m"]])
        } else if isKeyed {
            rule.groupBy = pick([["k"], ["k"], ["k", "m"], ["m", "k"]])
        } else {
            rule.groupBy = pick([["k"], ["k"], ["k", "m"], ["m"], ["m", "k"], [], ["who"]])
        }
        switch kind {
        case .eventCount, .temporal, .temporalOrdered: break
        case .valueCount: rule.fields = pick([["v"], ["m"], ["k"], ["m", "n"], ["n", "v", "k"]])
        default: rule.fields = ["v"]
        }
        if kind == .valuePercentile { rule.percentile = pick([0, 10, 50, 75, 90, 100]) }
        chooseRules(&rule, usesAlias: usesAlias)
        if rule.isSequence, chance(0.5) {
            let condition = condition(rule.rules)
            rule.condition = condition
            rule.omitsRules = chance(0.3)
            if rule.omitsRules { rule.rules = condition.names }
        } else {
            rule.bounds = bounds(rule)
        }
        if chance(0.3) { rule.episode = pick([60, 100, 400]) }
        rules.append(rule)
    }

    private mutating func chooseRules(_ rule: inout ReferenceRule, usesAlias: Bool) {
        // Of other correlations only the group is known: to group by it, and to count its values.
        let bases = ReferenceEvaluator.bases.map(\.0)
        let needed = rule.groupBy + rule.fields
        let children = rules.filter { Set($0.groupBy).isSuperset(of: needed) }.map(\.name)
        var offered = usesAlias ? bases : rule.groupBy == ["who"] ? children : bases + children + children
        if offered.count < 2 {
            offered = bases
            rule.groupBy = ["k"]
        }
        let count = Int.random(in: rule.isSequence ? 2...4 : 1...3, using: &generator)
        for name in offered.shuffled(using: &generator) where !rule.rules.contains(name) && rule.rules.count < count {
            rule.rules.append(name)
        }
        if rule.isSequence, rule.rules.count < 2 {
            rule.rules = Array(bases.shuffled(using: &generator).prefix(2))
            rule.groupBy = ["k"]
        }
        if rule.groupBy.contains("who"), rule.rules.allSatisfy({ $0.hasPrefix("r_") }) {
            for name in rule.rules { rule.aliases[name] = pick(["k", "n"]) }
        }
    }

    /// A condition in which each rule stands once, and which does not hold when nothing matches.
    private mutating func condition(_ rules: [String]) -> ReferenceRule.Condition {
        while true {
            var parts = rules.shuffled(using: &generator).map { ReferenceRule.Condition.rule($0) }
            for index in parts.indices where chance(0.3) { parts[index] = .not(parts[index]) }
            while parts.count > 1 {
                let a = parts.remove(at: Int.random(in: parts.indices, using: &generator))
                let b = parts.remove(at: Int.random(in: parts.indices, using: &generator))
                let joined: ReferenceRule.Condition = chance(0.6) ? .and(a, b) : .or(a, b)
                parts.append(chance(0.15) ? .not(joined) : joined)
            }
            if !parts[0].holds([]), !parts[0].rules(negated: false).isEmpty { return parts[0] }
        }
    }

    private mutating func bounds(_ rule: ReferenceRule) -> [ReferenceRule.Bound] {
        let shape = Int.random(in: 0..<10, using: &generator)
        let count = rule.rules.count
        if rule.isSequence {
            switch shape {
            case 0..<6: return []
            case 6: return [.init(comparison: "gte", limit: limit(1...count))]
            case 7: return [.init(comparison: "gt", limit: limit(1...(count - 1)))]
            default: return [.init(comparison: ["eq", "lte", "neq"][shape % 3], limit: limit(1...count))]
            }
        }
        let low =
            switch rule.kind {
            case .valueSum: limit(-4...60) / 4
            case .valueAverage, .valuePercentile, .valueMedian: limit(0...16) / 4
            default: limit(1...5)
            }
        switch shape {
        case 0..<4: return [.init(comparison: "gte", limit: low)]
        case 4..<6: return [.init(comparison: "gt", limit: low)]
        case 6: return [.init(comparison: "gte", limit: low), .init(comparison: "lte", limit: low + limit(0...3))]
        case 7: return [.init(comparison: "lt", limit: low + 1)]
        case 8: return [.init(comparison: "lte", limit: low)]
        default: return [.init(comparison: pick(["eq", "neq"]), limit: low)]
        }
    }

    mutating func events(_ count: Int, mayBeNegative: Bool) -> [TestEvent] {
        var time: Int64 = 0
        var events: [TestEvent] = []
        for index in 0..<count {
            time += Int64(pick([0, 0, 1, 2, 5, 30, 60, 90]))
            var event = TestEvent(time: time, fraction: Int64(pick([0, 0, 0, 0, 1, 999])), uid: "e\(index)")
            event.fields["op"] = pick(["x", "y", "z", "other"])
            if chance(0.92) { event.fields["k"] = pick(isKeyed ? ["a", "b", "c", "d", "e"] : ["a", "b"]) }
            if chance(0.92) { event.fields["m"] = pick(["p", "q"]) }
            if chance(0.92) { event.fields["n"] = pick(["a", "b", "c"]) }
            // Quarters are exact as doubles, so the obvious sum is exact too.
            if chance(0.92) { event.numbers["v"] = Double(pick(Array((mayBeNegative ? -8 : 0)...16))) / 4 }
            events.append(event)
        }
        return events
    }
}
