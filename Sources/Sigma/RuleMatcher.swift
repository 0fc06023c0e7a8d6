// SPDX-License-Identifier: Apache-2.0

package import AuditEvent

/// Detection rules compiled against the fields of one plan. For one thread.
///
/// Each condition is a branching program over predicates; a predicate that several rules share is asked once per event.
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
    /// Per predicate: twice the number of the event that asked last, plus the answer.
    private let answers: UnsafeMutableBufferPointer<UInt64>
    private var event: UInt64 = 0

    /// How often a regular expression was ended by its match limit and counted as no match.
    package var regexLimitReached: Int { resources.limitReached }

    /// Compiles rules; the fields they read are added to the plan. Regular expressions were checked when the rules were
    /// read, so what can still fail is memory.
    package init(_ rules: [DetectionRule], plan: inout FieldPlan) throws {
        let resources = CompiledTests()
        self.resources = resources
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
        self.tests = Self.lasting(tests)
        self.branches = Self.lasting(branches)
        self.entries = Self.lasting(entries)
        answers = .allocate(capacity: max(1, tests.count))
        answers.initialize(repeating: 0)
    }

    deinit {
        tests.deallocate()
        branches.deallocate()
        entries.deallocate()
        answers.deallocate()
    }

    /// Calls `body` with the index of each rule that the event matches, in order.
    @inline(__always)
    package func match(_ view: EventView, _ body: (Int) -> Void) {
        event &+= 1
        resources.dates.event = event
        for rule in 0..<entries.count where matches(rule, view) { body(rule) }
    }

    @inline(__always)
    private func matches(_ rule: Int, _ view: EventView) -> Bool {
        var at = entries[rule]
        while at >= 0 {
            let branch = branches[Int(at)]
            at = ask(Int(branch.predicate), view) ? branch.onTrue : branch.onFalse
        }
        return at == Self.accept
    }

    @inline(__always)
    private func ask(_ predicate: Int, _ view: EventView) -> Bool {
        let answer = answers[predicate]
        if answer >> 1 == event { return answer & 1 == 1 }
        let result = resources.run(tests[predicate], view)
        answers[predicate] = event << 1 | (result ? 1 : 0)
        return result
    }

    private static func lasting<Element>(_ array: [Element]) -> UnsafeMutableBufferPointer<Element> {
        let buffer = UnsafeMutableBufferPointer<Element>.allocate(capacity: max(1, array.count))
        _ = buffer.initialize(from: array)
        return UnsafeMutableBufferPointer(rebasing: buffer[..<array.count])
    }
}
