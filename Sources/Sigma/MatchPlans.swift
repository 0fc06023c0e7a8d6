// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// What is left to ask of an event once it is known which entries of the candidate index it shows: the events of one kind show the
/// same ones, and what follows from them alone was worked out with the first of these. At most 128 kinds; with the next one it
/// begins anew. For one thread. 75 kB.
final class MatchPlans {
    /// Up to eight entries of 32 bits, as the index gave them; -1 behind them.
    typealias Entries = SIMD4<UInt64>
    static let maximumEntries = 8

    /// A rule to try, and the branch with which to go on; or a rule that is decided.
    struct Step {
        let rule: Int32
        let at: Int32
    }

    /// What events that show some entries come to.
    struct Plan {
        let entries: Entries
        var stepCount = 0
        /// Predicates that hold and that a step may ask.
        var truthCount = 0
        /// Whether there are too many of them: such events are matched without a plan.
        var isTooLarge = false
        let steps: UnsafeMutablePointer<Step>
        let truths: UnsafeMutablePointer<Int32>

        /// Adds a step, if there is room.
        mutating func add(_ step: Step) {
            guard stepCount < MatchPlans.maximumSteps else {
                isTooLarge = true
                return
            }
            (steps + stepCount).initialize(to: step)
            stepCount += 1
        }

        /// Adds a predicate that holds, if there is room.
        mutating func add(truth: Int32) {
            if UnsafeBufferPointer(start: truths, count: truthCount).contains(truth) { return }
            guard truthCount < MatchPlans.maximumTruths else {
                isTooLarge = true
                return
            }
            (truths + truthCount).initialize(to: truth)
            truthCount += 1
        }
    }

    private static let maximum = 128
    private static let places = 512
    private static let maximumSteps = 48
    private static let maximumTruths = 24

    private let plans = UnsafeMutablePointer<Plan>.allocate(capacity: maximum)
    private let steps = UnsafeMutablePointer<Step>.allocate(capacity: maximum * maximumSteps)
    private let truths = UnsafeMutablePointer<Int32>.allocate(capacity: maximum * maximumTruths)
    /// By a hash of the entries the number of their plan; -1 where there is none.
    private let table = UnsafeMutablePointer<Int32>.allocate(capacity: places)
    @exclusivity(unchecked) private var count = 0

    init() {
        table.initialize(repeating: -1, count: Self.places)
    }

    deinit {
        plans.deallocate()
        steps.deallocate()
        truths.deallocate()
        table.deallocate()
    }

    @inline(__always)
    private static func home(_ entries: Entries) -> Int {
        let mixed = mix(
            entries[0] ^ entries[2] &* 0x9E37_79B9_7F4A_7C15 ^ 0xA076_1D64_78BD_642F,
            entries[1] ^ entries[3] &* 0x8EBC_6AF0_9C88_C6E3 ^ 0xE703_7ED1_A0B4_28DB)
        return Int(truncatingIfNeeded: mixed) & (places &- 1)
    }

    /// The plan for some entries; nil where there is none yet.
    @inline(__always)
    func find(_ entries: Entries) -> UnsafeMutablePointer<Plan>? {
        var place = Self.home(entries)
        while case let number = table[place], number >= 0 {
            let plan = plans + Int(number)
            let difference = plan.pointee.entries ^ entries
            if difference[0] | difference[1] | difference[2] | difference[3] == 0 { return plan }
            place = (place &+ 1) & (Self.places &- 1)
        }
        return nil
    }

    /// An empty plan for entries that have none.
    func add(_ entries: Entries) -> UnsafeMutablePointer<Plan> {
        if count == Self.maximum {
            count = 0
            table.update(repeating: -1, count: Self.places)
        }
        var place = Self.home(entries)
        while table[place] >= 0 { place = (place + 1) & (Self.places - 1) }
        table[place] = Int32(count)
        let plan = plans + count
        plan.initialize(
            to: Plan(
                entries: entries, steps: steps + count * Self.maximumSteps, truths: truths + count * Self.maximumTruths)
        )
        count += 1
        return plan
    }
}
