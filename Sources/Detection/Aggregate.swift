// SPDX-License-Identifier: Apache-2.0

/// What is counted over the entries of one window, kept up as entries come and go at its ends. The owner frees it.
enum Aggregate {
    enum Kind {
        case count, sum, distinct
        /// The mean, or a percentile, of the newest entries.
        case mean, order
    }

    /// A count is where its window begins and ends.
    case count
    case sum(UnsafeMutablePointer<WindowSum>)
    case distinct(UnsafeMutablePointer<DistinctValues>)
    case order(UnsafeMutablePointer<OrderTree>)

    init(_ kind: Kind) {
        func made<Value>(_ value: Value) -> UnsafeMutablePointer<Value> {
            let pointer = UnsafeMutablePointer<Value>.allocate(capacity: 1)
            pointer.initialize(to: value)
            return pointer
        }
        switch kind {
        case .count: self = .count
        case .sum, .mean: self = .sum(made(WindowSum()))
        case .distinct: self = .distinct(made(DistinctValues()))
        case .order: self = .order(made(OrderTree()))
        }
    }

    /// Larger numbers count as this, so that no sum overflows and stays so.
    static let maximumNumber = 1e290

    /// Counts entry `i`; the window reaches from `start` to `i`.
    func add(_ entries: EntryBuffer, from start: Int, at i: Int) {
        switch self {
        case .count: return
        case .sum(let sum): sum.pointee.add(entries[i])
        case .distinct(let values): values.pointee.add(entries, from: start, at: i)
        case .order(let tree): tree.pointee.add(entries[i].number)
        }
    }

    /// Takes entry `i`, the first of the window, out again; the window reaches to `last`.
    func remove(_ entries: EntryBuffer, at i: Int, to last: Int) {
        switch self {
        case .count: return
        case .sum(let sum): sum.pointee.remove(entries[i], isLast: i + 1 == last, entries[last])
        case .distinct(let values): values.pointee.remove(entries, at: i, to: last)
        case .order(let tree): tree.pointee.remove(entries[i].number)
        }
    }

    /// Bytes of memory beside the enum.
    var bytes: Int {
        switch self {
        case .count: 0
        case .sum: MemoryLayout<WindowSum>.stride
        case .distinct(let values): MemoryLayout<DistinctValues>.stride + values.pointee.bytes
        case .order(let tree): MemoryLayout<OrderTree>.stride + tree.pointee.bytes
        }
    }

    func free() {
        switch self {
        case .count: return
        case .sum(let sum): sum.deallocate()
        case .distinct(let values):
            values.pointee.free()
            values.deallocate()
        case .order(let tree):
            tree.pointee.deallocate()
            tree.deallocate()
        }
    }
}

/// A sum of doubles that carries what each addition rounded off (Neumaier, "Rundungsfehleranalyse einiger Verfahren zur
/// Summation endlicher Summen", 1974): the result is the sum rounded once, so it does not depend on the order of the events.
struct CompensatedSum {
    private var sum = 0.0
    private(set) var roundedOff = 0.0

    var value: Double { sum + roundedOff }

    mutating func add(_ number: Double) {
        let next = sum + number
        let added = next - sum
        roundedOff += (sum - (next - added)) + (number - added)
        sum = next
    }

    /// The sum as two doubles: itself, rounded, and what that rounded off.
    var parts: (Double, Double) {
        let value = value
        return (value, (sum - value) + roundedOff)
    }
}

/// The sum of a window, exact at its edge, and that of the window from the start of the cell in which its edge lies.
struct WindowSum {
    private var exact = CompensatedSum()
    private var coarse = CompensatedSum()
    /// First entry of the cell in which the window's edge lies, and how many events there are from it on.
    var coarseStart = 0
    private var coarseCount = 0

    mutating func add(_ entry: WindowEntry) {
        addExact(entry)
        addCoarse(entry)
    }

    mutating func addExact(_ entry: WindowEntry) {
        exact.add(entry.number)
        if entry.weight > 1 { exact.add(entry.roundedOff) }
    }

    mutating func addCoarse(_ entry: WindowEntry) {
        coarse.add(entry.number)
        if entry.weight > 1 { coarse.add(entry.roundedOff) }
        coarseCount += entry.weight
    }

    mutating func remove(_ entry: WindowEntry, isLast: Bool, _ last: WindowEntry) {
        if isLast {
            // A window of one starts afresh, so that rounding does not add up over days.
            exact = CompensatedSum()
            addExact(last)
            return
        }
        exact.add(-entry.number)
        if entry.weight > 1 { exact.add(-entry.roundedOff) }
    }

    /// Takes out of the coarse sum what lies before its cell, now that the window reaches to `last`.
    mutating func moveCoarse(_ entries: EntryBuffer, to oldest: Int64, last: Int) {
        while coarseStart < last, entries[coarseStart].time < oldest {
            let entry = entries[coarseStart]
            coarse.add(-entry.number)
            if entry.weight > 1 { coarse.add(-entry.roundedOff) }
            coarseCount -= entry.weight
            coarseStart += 1
            if coarseStart == last {
                coarse = CompensatedSum()
                coarseCount = 0
                addCoarse(entries[last])
            }
        }
    }

    /// Exact while there are at most `maximumExact` events.
    func value(maximumExact: Int) -> Double { coarseCount > maximumExact ? coarse.value : exact.value }

    func mean(of count: Int) -> Double { exact.value / Double(count) }
}

/// How many different values stand in a window.
struct DistinctValues {
    /// Up to so many entries values are counted by looking at the others, past it with a table.
    private static let small = 16

    private(set) var count = 0
    private var table: DistinctTable?

    var bytes: Int { table?.bytes ?? 0 }

    mutating func add(_ entries: EntryBuffer, from start: Int, at i: Int) {
        if table != nil {
            if table?.add(entries[i].value) == true { count += 1 }
            return
        }
        if !contains(entries, entries[i].value, start, i) { count += 1 }
        if i - start >= Self.small {
            var table = DistinctTable()
            for j in start...i { _ = table.add(entries[j].value) }
            self.table = table
        }
    }

    mutating func remove(_ entries: EntryBuffer, at i: Int, to last: Int) {
        if table != nil {
            if table?.remove(entries[i].value) == true { count -= 1 }
        } else if !contains(entries, entries[i].value, i + 1, last + 1) {
            count -= 1
        }
    }

    mutating func free() {
        table?.free()
        table = nil
    }

    private func contains(_ entries: EntryBuffer, _ value: UInt64, _ from: Int, _ to: Int) -> Bool {
        var i = from
        while i < to {
            if entries[i].value == value { return true }
            i += 1
        }
        return false
    }
}

/// How often each value stands in a window. The owner frees it.
struct DistinctTable {
    private struct Cell {
        var value: UInt64
        var count: UInt32
    }

    /// Values come from outside: with a factor nobody knows, no one can aim at one chain of the table.
    private static let factor = UInt64.random(in: .min ... .max) | 1

    private var cells: UnsafeMutablePointer<Cell>
    private var mask = 63
    private var used = 0

    init() {
        cells = .allocate(capacity: mask + 1)
        cells.initialize(repeating: Cell(value: 0, count: 0), count: mask + 1)
    }

    var bytes: Int { (mask + 1) * MemoryLayout<Cell>.stride }

    func free() {
        cells.deallocate()
    }

    /// Whether the value is new.
    mutating func add(_ value: UInt64) -> Bool {
        var i = place(value)
        if cells[i].count > 0 {
            cells[i].count += 1
            return false
        }
        if used * 2 > mask {
            grow()
            i = place(value)
        }
        cells[i] = Cell(value: value, count: 1)
        used += 1
        return true
    }

    /// Whether the value is gone now.
    mutating func remove(_ value: UInt64) -> Bool {
        var hole = place(value)
        guard cells[hole].count > 0 else { return false }
        cells[hole].count -= 1
        if cells[hole].count > 0 { return false }
        used -= 1
        var i = (hole + 1) & mask
        while cells[i].count > 0 {
            let home = home(cells[i].value)
            if (i - home) & mask >= (i - hole) & mask {
                cells[hole] = cells[i]
                cells[i].count = 0
                hole = i
            }
            i = (i + 1) & mask
        }
        return true
    }

    private func home(_ value: UInt64) -> Int {
        Int(truncatingIfNeeded: (value &* Self.factor) >> 32) & mask
    }

    private func place(_ value: UInt64) -> Int {
        var i = home(value)
        while cells[i].count > 0, cells[i].value != value { i = (i + 1) & mask }
        return i
    }

    private mutating func grow() {
        let old = cells
        let oldMask = mask
        mask = mask * 2 + 1
        cells = .allocate(capacity: mask + 1)
        cells.initialize(repeating: Cell(value: 0, count: 0), count: mask + 1)
        for i in 0...oldMask where old[i].count > 0 { cells[place(old[i].value)] = old[i] }
        old.deallocate()
    }
}
