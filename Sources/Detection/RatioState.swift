// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
import Sigma

/// What share of a group's past some matches have among others (`gatewatch: ratio`).
///
/// Counted by periods (hours, or longer ones if the lateness is), each weighing half after half the history. For an event in
/// period p those up to p - 2 count: these are complete whenever such an event can come, so the order does not matter. An event that is delivered twice counts
/// twice. 64 bytes per group.
final class RatioState: StoredState {
    private struct Row {
        /// Counts of the periods `folded` to `folded + 3`, each at the place of its number modulo 4.
        var of = SIMD4<UInt32>()
        var to = SIMD4<UInt32>()
        /// All before are in the sums.
        var folded: Int32
        /// The period up to which the sums have been aged.
        var agedTo: Int32
        var ofSum: Float = 0
        var toSum: Float = 0
        /// Days with an event in `to`: bit i is i days before `lastDay`.
        var days: UInt32 = 0
        var lastDay: Int32 = 0

        init(period: Int32) {
            folded = period
            agedTo = period
        }

        /// Takes the periods before one into the sums.
        mutating func fold(upTo period: Int32, halfLife: Double, periodsADay: Double) {
            while folded < period {
                if to == SIMD4(), of == SIMD4() {
                    folded = period
                    return
                }
                let place = Int(folded & 3)
                if of[place] > 0 || to[place] > 0 {
                    let kept = Float(exp2(-Double(folded - agedTo) / halfLife))
                    ofSum = ofSum * kept + Float(of[place])
                    toSum = toSum * kept + Float(to[place])
                    agedTo = folded
                    if to[place] > 0 { note(day: Int32(Double(folded) / periodsADay)) }
                    of[place] = 0
                    to[place] = 0
                }
                folded += 1
            }
        }

        private mutating func note(day: Int32) {
            let passed = day - lastDay
            days = passed >= 32 ? 1 : days << UInt32(max(0, passed)) | 1
            lastDay = day
        }
    }

    /// The least length of a period, ms.
    static let hour: Int64 = 3_600_000

    let stateID: UInt64
    let keySpace: KeySpace
    let rule: RuleExtension.Ratio
    /// ms.
    private let period: Int64
    /// In periods.
    private let halfLife: Double
    private let periodsADay: Double
    @exclusivity(unchecked) private var rows: CellMap<Row>
    private var nextSweep: Int64 = .min
    var sweepDue: Int64 { nextSweep }

    init(stateID: UInt64, keySpace: KeySpace, rule: RuleExtension.Ratio, lateness: Int64) {
        self.stateID = stateID
        self.keySpace = keySpace
        self.rule = rule
        period = FamiliarState.period(lateness)
        halfLife = Double(rule.history.milliseconds) / Double(period) / 2
        periodsADay = 86_400_000 / Double(period)
        rows = CellMap(keySpace: keySpace)
    }

    deinit {
        rows.deallocate { _ in }
    }

    var count: Int { rows.count }
    var bytes: Int { rows.bytes }

    /// Counts a match. None before `watermark` comes any more.
    func note(key: Int32, at time: Int64, of isOf: Bool, to isTo: Bool, watermark: Int64) {
        let number = Int32(clamping: time / period)
        let now = Int32(clamping: max(watermark, time - 2 * period) / period)
        let row = rows.make(key, Row(period: now - 1))
        row.pointee.fold(upTo: now - 1, halfLife: halfLife, periodsADay: periodsADay)
        // Always so, because an event is at most the lateness from the watermark.
        guard number >= row.pointee.folded, number < row.pointee.folded + 4 else { return }
        let place = Int(number & 3)
        if isOf, row.pointee.of[place] < .max { row.pointee.of[place] += 1 }
        if isTo, row.pointee.to[place] < .max { row.pointee.to[place] += 1 }
        rows.touch(key)
    }

    /// Whether the past of a group, as it was before an event, has the share.
    func holds(key: Int32, at time: Int64) -> Bool {
        guard var row = rows.find(key)?.pointee else { return false }
        let number = Int32(clamping: time / period)
        row.fold(upTo: number - 1, halfLife: halfLife, periodsADay: periodsADay)
        let kept = Float(exp2(-Double(number - row.agedTo) / halfLife))
        let passed = Int32(clamping: time / 86_400_000) - row.lastDay
        let days = passed >= 32 ? 0 : (row.days << UInt32(max(0, passed))).nonzeroBitCount
        guard Double(row.toSum * kept) >= Double(rule.minimumEvents), days >= rule.minimumDays, row.toSum > 0 else {
            return false
        }
        let share = Double(row.ofSum / row.toSum)
        // The sums have seven digits: 19 of 20 must count as 0.95.
        return rule.isLowerLimit ? share >= rule.limit - 1e-6 : share <= rule.limit + 1e-6
    }

    /// Forgets groups without an event for five half-lives.
    func sweep(watermark: Int64) {
        guard watermark >= nextSweep else { return }
        nextSweep = watermark + 24 * Self.hour
        let oldest = Int32(clamping: watermark / period - Int64(5 * halfLife))
        rows.sweep {
            $0.agedTo < oldest && $0.folded < oldest
        }
    }

    // MARK: Storing

    func takeChanges(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]?) -> Void) {
        rows.takeChanges({ encode($0) }, body)
    }

    func discardChanges() {
        rows.discardChanges()
    }

    func forEach(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]) -> Void) {
        rows.forEach { key, row in body(keySpace.bytes(of: key), encode(row)) }
    }

    private func encode(_ row: Row) -> [UInt8] {
        var writer = ByteWriter()
        for place in 0..<4 {
            writer.write(row.of[place])
            writer.write(row.to[place])
        }
        writer.write(row.folded)
        writer.write(row.agedTo)
        writer.write(row.ofSum.bitPattern)
        writer.write(row.toSum.bitPattern)
        writer.write(row.days)
        writer.write(row.lastDay)
        return writer.bytes
    }

    func restore(
        key: Int32, _ reader: inout ByteReader, _ texts: inout LongEventIDs
    ) throws(ByteReader.Damaged) -> [Int64] {
        var row = Row(period: 0)
        for place in 0..<4 {
            row.of[place] = try reader.read()
            row.to[place] = try reader.read()
        }
        row.folded = try reader.read()
        row.agedTo = try reader.read()
        row.ofSum = Float(bitPattern: try reader.read())
        row.toSum = Float(bitPattern: try reader.read())
        row.days = try reader.read()
        row.lastDay = try reader.read()
        rows.make(key, row).pointee = row
        return []
    }
}
