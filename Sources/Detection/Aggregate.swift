// SPDX-License-Identifier: Apache-2.0

/// What is counted over the entries of one window, kept up as entries come and go at its ends.
///
/// Sums carry what each addition rounded off (Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher
/// Summen", 1974): the result is the sum of the doubles, rounded once, so it does not depend on the order of the events.
struct Aggregate {
    enum Kind {
        case count, sum, distinct
    }

    /// Up to so many entries distinct values are counted by looking at the others, past it with a table.
    private static let small = 16

    /// Larger numbers count as this, so that no sum overflows and stays so.
    static let maximumNumber = 1e290

    private var sum = 0.0
    private var roundedOff = 0.0
    private var distinct = 0
    private var table: DistinctTable?

    /// Counts entry `i`; the window reaches from `start` to `i`.
    mutating func add(_ kind: Kind, _ entries: EntryBuffer, from start: Int, at i: Int) {
        switch kind {
        case .count: return
        case .sum: add(entries[i].number)
        case .distinct:
            if table != nil {
                if table?.add(entries[i].value) == true { distinct += 1 }
            } else {
                if !contains(entries, entries[i].value, start, i) { distinct += 1 }
                if i - start >= Self.small {
                    var table = DistinctTable()
                    for j in start...i { _ = table.add(entries[j].value) }
                    self.table = table
                }
            }
        }
    }

    /// Takes entry `i`, the first of the window, out again; the window reaches to `last`.
    mutating func remove(_ kind: Kind, _ entries: EntryBuffer, at i: Int, to last: Int) {
        switch kind {
        case .count: return
        case .sum:
            add(-entries[i].number)
            // A window of one starts afresh, so that rounding does not add up over days.
            if i + 1 == last {
                sum = entries[last].number
                roundedOff = 0
            }
        case .distinct:
            if table != nil {
                if table?.remove(entries[i].value) == true { distinct -= 1 }
            } else if !contains(entries, entries[i].value, i + 1, last + 1) {
                distinct -= 1
            }
        }
    }

    func value(_ kind: Kind, count: Int) -> Double {
        switch kind {
        case .count: Double(count)
        case .sum: sum + roundedOff
        case .distinct: Double(distinct)
        }
    }

    /// Bytes of memory beside the struct.
    var bytes: Int { table?.bytes ?? 0 }

    mutating func free() {
        table?.free()
        table = nil
    }

    private mutating func add(_ number: Double) {
        let next = sum + number
        let added = next - sum
        roundedOff += (sum - (next - added)) + (number - added)
        sum = next
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
