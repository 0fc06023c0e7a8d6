// SPDX-License-Identifier: Apache-2.0

/// Events of a sum that were put together: an entry without an event's id, whose place holds how many they are and what the
/// sum rounded off. It stands at the time of the last of them.
extension WindowEntry {
    init(merged weight: Int, sum: CompensatedSum, time: Int64) {
        let (value, roundedOff) = sum.parts
        self.init(
            time: time, source: 0, id: EventID(high: UInt64(weight), low: roundedOff.bitPattern, kind: .none),
            value: value.bitPattern)
        isSettled = true
    }

    /// How many events this stands for.
    var weight: Int {
        let id = id
        return id.kind == .none && id.high > 1 ? Int(truncatingIfNeeded: id.high) : 1
    }

    /// Of merged events, what belongs to the sum beside `number`.
    var roundedOff: Double { Double(bitPattern: id.low) }
}

extension EntryBuffer {
    /// Merges the entries before `end` of which each cell of time holds several, as long as at least `keep` events stand from
    /// the cell's start on. What is left is told by `filter`'s rule: the last entry of each merged run.
    ///
    /// - Parameter cell: its length, ms.
    mutating func merge(cell: Int64, before end: Int, keep: Int) {
        // From which entry on `keep` events remain.
        var events = 0
        var boundary = end
        while boundary > 0 {
            let first = cellStart(cell, of: self[boundary - 1].time)
            var start = boundary
            while start > 0, self[start - 1].time >= first {
                start -= 1
                events += self[start].weight
            }
            if events > keep { break }
            boundary = start
        }
        guard boundary > 1 else { return }
        var gone = [Bool](repeating: false, count: boundary)
        var start = 0
        while start < boundary {
            let last = cellStart(cell, of: self[start].time) + cell
            var next = start
            var sum = CompensatedSum()
            var weight = 0
            while next < boundary, self[next].time < last {
                sum.add(self[next].number)
                if self[next].weight > 1 { sum.add(self[next].roundedOff) }
                weight += self[next].weight
                next += 1
            }
            if next - start > 1 {
                for i in start..<(next - 1) { gone[i] = true }
                self[next - 1] = WindowEntry(merged: weight, sum: sum, time: self[next - 1].time)
            }
            start = next
        }
        filter { $0 >= boundary || !gone[$0] }
    }
}

/// When the cell of time of a moment begins, ms.
func cellStart(_ cell: Int64, of time: Int64) -> Int64 {
    let rest = time % cell
    return rest < 0 ? time - rest - cell : time - rest
}
