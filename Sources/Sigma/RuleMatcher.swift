// SPDX-License-Identifier: Apache-2.0

package import AuditEvent

/// Detection rules compiled against the fields of one plan. For one thread.
///
/// Each condition is a branching program over predicates; a predicate that several rules share is asked once per event, and a rule
/// is only tried on events that show what it requires: see `CandidateIndex`.
package final class RuleMatcher {
    private struct Branch {
        let predicate: Int32
        /// The next branch, or `accept` or `reject`.
        let onTrue: Int32
        let onFalse: Int32
    }

    private static let accept: Int32 = -1
    private static let reject: Int32 = -2

    private let resources: CompiledTests
    private let tests: UnsafeMutableBufferPointer<CompiledTest>
    private let branches: UnsafeMutableBufferPointer<Branch>
    private let entries: UnsafeMutableBufferPointer<Int32>
    /// Room for what `matches(of:)` gives.
    private let found: UnsafeMutableBufferPointer<Int32>
    private let answers: PredicateAnswers
    private let plans = MatchPlans()
    private let hotPlans: Unmanaged<MatchPlans>
    private let index: CandidateIndex?
    /// The same objects for every event: nothing counts references to them.
    private let hotIndex: Unmanaged<CandidateIndex>?
    private let hotResources: Unmanaged<CompiledTests>

    /// How often a regular expression was ended by its match limit and counted as no match.
    package var regexLimitReached: Int { resources.limitReached }

    /// Compiles rules; the fields they read are added to the plan. Regular expressions were checked when the rules were
    /// read, so what can still fail is memory.
    ///
    /// - Parameter triesAll: every rule is tried on every event: slow, for comparison with the candidate index.
    package init(_ rules: [DetectionRule], plan: inout FieldPlan, triesAll: Bool = false) throws {
        let resources = CompiledTests()
        self.resources = resources
        hotResources = .passUnretained(resources)
        hotPlans = .passUnretained(plans)
        var tests: [CompiledTest] = []
        var known: [Predicate: Int32] = [:]
        var branches: [Branch] = []

        func compile(_ expression: Expression, onTrue: Int32, onFalse: Int32) throws -> Int32 {
            switch expression {
            case .predicate(let predicate):
                let index: Int32
                if let found = known[predicate] {
                    index = found
                } else {
                    index = Int32(tests.count)
                    tests.append(try resources.compile(predicate, &plan))
                    known[predicate] = index
                }
                branches.append(Branch(predicate: index, onTrue: onTrue, onFalse: onFalse))
                return Int32(branches.count - 1)
            case .not(let part): return try compile(part, onTrue: onFalse, onFalse: onTrue)
            case .and(let parts):
                return try parts.reversed().reduce(onTrue) { next, part in
                    try compile(part, onTrue: next, onFalse: onFalse)
                }
            case .or(let parts):
                return try parts.reversed().reduce(onFalse) { next, part in
                    try compile(part, onTrue: onTrue, onFalse: next)
                }
            case .atLeast(let count, let parts):
                // Per number of parts that are still wanted, where to go on; from the last part to the first.
                var next = [onTrue] + [Int32](repeating: onFalse, count: count)
                for (index, part) in parts.enumerated().reversed() {
                    var here = next
                    // At part `index` at most `index` parts have held, and no more can be wanted than are left.
                    for wanted in max(1, count - index)...count where wanted <= parts.count - index {
                        here[wanted] = try compile(part, onTrue: next[wanted - 1], onFalse: next[wanted])
                    }
                    next = here
                }
                return next[count]
            }
        }
        let entries = try rules.map { try compile($0.expression, onTrue: Self.accept, onFalse: Self.reject) }
        self.tests = EventDecoder.lasting(tests)
        self.branches = EventDecoder.lasting(branches)
        self.entries = EventDecoder.lasting(entries)
        found = EventDecoder.lasting(entries)
        answers = PredicateAnswers(count: tests.count)
        let index =
            triesAll
            ? nil : CandidateIndex(rules.map(\.expression), predicates: known, answers: answers, plan: &plan)
        self.index = index
        hotIndex = index.map { .passUnretained($0) }
    }

    deinit {
        tests.deallocate()
        branches.deallocate()
        entries.deallocate()
        found.deallocate()
        answers.deallocate()
    }

    /// Calls `body` with the index of each rule that the event matches, in order.
    package func match(_ view: EventView, _ body: (Int) -> Void) {
        for rule in matches(of: view) { body(Int(rule)) }
    }

    /// The index of each rule that the event matches, in order; valid until the next event.
    package func matches(of view: EventView) -> UnsafeBufferPointer<Int32> {
        answers.nextEvent()
        resources.dates.event = answers.event
        let found = found.baseAddress.unsafelyUnwrapped
        var count = 0
        guard let hotIndex else {
            for rule in 0..<entries.count where matches(rule, view) {
                found[count] = Int32(truncatingIfNeeded: rule)
                count &+= 1
            }
            return UnsafeBufferPointer(start: found, count: count)
        }
        let shown = hotIndex._withUnsafeGuaranteedRef { $0.look(at: view) }
        guard shown.count <= MatchPlans.maximumEntries else { return matchesWithoutPlan(view, shown) }
        let plan = hotPlans._withUnsafeGuaranteedRef { $0.find(shown.first) } ?? makePlan(shown)
        if plan.pointee.isTooLarge { return matchesWithoutPlan(view, shown) }
        for index in 0..<plan.pointee.truthCount { answers.set(Int(plan.pointee.truths[index]), true) }
        for index in 0..<plan.pointee.stepCount {
            let step = plan.pointee.steps[index]
            if step.at == Self.accept || decides(step.at, view) {
                found[count] = step.rule
                count &+= 1
            }
        }
        return UnsafeBufferPointer(start: found, count: count)
    }

    /// The same for an event that shows too much for a plan.
    @inline(never)
    private func matchesWithoutPlan(
        _ view: EventView, _ shown: CandidateIndex.Shown
    ) -> UnsafeBufferPointer<Int32> {
        let found = found.baseAddress.unsafelyUnwrapped
        var count = 0
        forEachCandidate(shown) { rule in
            if matches(rule, view) {
                found[count] = Int32(truncatingIfNeeded: rule)
                count &+= 1
            }
        }
        return UnsafeBufferPointer(start: found, count: count)
    }

    private func forEachCandidate(_ shown: CandidateIndex.Shown, _ body: (Int) -> Void) {
        guard let candidates = hotIndex?._withUnsafeGuaranteedRef({ $0.select(shown) }) else { return }
        for word in 0..<candidates.count {
            var bits = candidates[word]
            while bits != 0 {
                body(word &<< 6 &+ bits.trailingZeroBitCount)
                bits &= bits &- 1
            }
        }
    }

    /// Works out what follows from what the index knows of an event: nothing else has been asked of it yet.
    @inline(never)
    private func makePlan(_ shown: CandidateIndex.Shown) -> UnsafeMutablePointer<MatchPlans.Plan> {
        let plan = plans.add(shown.first)
        forEachCandidate(shown) { rule in
            var at = entries[rule]
            while at >= 0, answers.known(Int(branches[Int(at)].predicate)) == true { at = branches[Int(at)].onTrue }
            if at == Self.reject { return }
            plan.pointee.add(MatchPlans.Step(rule: Int32(truncatingIfNeeded: rule), at: at))
            // What the rest of the rule may ask.
            var (seen, next): (Set<Int32>, [Int32]) = ([], [at])
            while let at = next.popLast() {
                guard at >= 0, seen.insert(at).inserted else { continue }
                let branch = branches[Int(at)]
                if answers.known(Int(branch.predicate)) != nil { plan.pointee.add(truth: branch.predicate) }
                next += [branch.onTrue, branch.onFalse]
            }
        }
        return plan
    }

    @inline(__always)
    private func matches(_ rule: Int, _ view: EventView) -> Bool { decides(entries[rule], view) }

    /// Goes on with a rule at a branch.
    @inline(__always)
    private func decides(_ first: Int32, _ view: EventView) -> Bool {
        var at = first
        while at >= 0 {
            let branch = branches[Int(at)]
            at = ask(Int(branch.predicate), view) ? branch.onTrue : branch.onFalse
        }
        return at == Self.accept
    }

    @inline(__always)
    private func ask(_ predicate: Int, _ view: EventView) -> Bool {
        if let known = answers.known(predicate) { return known }
        let result = hotResources._withUnsafeGuaranteedRef { $0.run(tests[predicate], view) }
        answers.set(predicate, result)
        return result
    }
}
