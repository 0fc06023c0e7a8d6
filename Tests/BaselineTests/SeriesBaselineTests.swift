// SPDX-License-Identifier: Apache-2.0

import Baseline
import Testing

@Suite struct SeriesBaselineTests {
    private let settings = BaselineSettings()

    private func weeks(_ count: Int64) -> Range<Int64> { Week.monday..<(Week.monday + count * 7 * Week.bucketsPerDay) }

    /// What is known after so many weeks, learned as the engine does: what deviates is alerted. And the alerts.
    private func learned(_ count: Int64, seed: UInt64, sparse: Bool = true) -> (SeriesBaseline, [Int64]) {
        var week = Week(seed: seed)
        var known = SeriesBaseline()
        var alerts: [Int64] = []
        for bucket in weeks(count) {
            let value = week.next(bucket)
            if sparse, value == 0 { continue }
            let deviates = known.judge(value, bucket: bucket, settings).deviates
            if deviates { alerts.append(bucket) }
            known.learn(value, bucket: bucket, isAlerted: deviates, settings)
        }
        return (known, alerts)
    }

    @Test func `nothing known is learning`() {
        let judgement = SeriesBaseline().judge(1e9, bucket: 0, settings)
        #expect(judgement.isLearning && !judgement.deviates)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `five weeks of normal work with a weekly season raise nothing`(seed: UInt64) {
        #expect(learned(5, seed: seed).1.isEmpty)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `what is usual by day deviates at night`(seed: UInt64) {
        let (known, _) = learned(5, seed: seed)
        #expect(known.judge(160, bucket: weeks(5).upperBound + 3 * 6, settings).deviates)
        #expect(!known.judge(160, bucket: weeks(5).upperBound + 12 * 6, settings).deviates)
    }

    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func `a spike leaves nearly no trace`(seed: UInt64) {
        var (known, _) = learned(5, seed: seed)
        let next = weeks(5).upperBound
        let noon = next + 7 * Week.bucketsPerDay + 12 * 6
        let before = known.judge(60, bucket: noon, settings)
        for bucket in next..<(next + 6) { known.learn(1e6, bucket: bucket, isAlerted: true, settings) }
        let after = known.judge(60, bucket: noon, settings)
        #expect(after.expected < 1.1 * before.expected)
        #expect(after.high < 1.3 * before.high)
    }

    /// All week round, so that the number of days is that of the shift and not of the season.
    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func `a lasting shift alarms at once and is the new usual within two weeks`(seed: UInt64) {
        var random = Seeded(state: seed)
        var known = SeriesBaseline()
        func value(_ mean: Double) -> Double { (mean * (1 + 0.2 * random.normal())).rounded() }
        let shift = weeks(5).upperBound
        for bucket in weeks(5) { known.learn(value(50), bucket: bucket, isAlerted: false, settings) }
        var last: Int64?
        for bucket in shift..<(shift + 28 * Week.bucketsPerDay) {
            let value = value(500)
            let deviates = known.judge(value, bucket: bucket, settings).deviates
            if deviates { last = bucket }
            known.learn(value, bucket: bucket, isAlerted: deviates, settings)
        }
        #expect(known.judge(500, bucket: shift, settings).isLearning == false)
        #expect((last.map { ($0 - shift) / Week.bucketsPerDay } ?? -1) >= 1)
        #expect((last.map { ($0 - shift) / Week.bucketsPerDay } ?? -1) < 14)
    }

    @Test func `empty buckets may be left out or learned as zero`() {
        let (sparse, _) = learned(5, seed: 3)
        let (full, _) = learned(5, seed: 3, sparse: false)
        for hour in 0..<48 as Range<Int64> {
            let bucket = weeks(5).upperBound + hour * 6
            let (a, b) = (sparse.judge(30, bucket: bucket, settings), full.judge(30, bucket: bucket, settings))
            #expect(abs(a.expected / b.expected - 1) < 0.05)
            #expect(abs(a.high / b.high - 1) < 0.1)
        }
    }

    @Test(arguments: [1, 1000, 1_000_000_000_000] as [Int64])
    func `a gap of any length is passed at once, and after ever so long all is learned anew`(gap: Int64) {
        var (known, _) = learned(5, seed: 3)
        let bucket = weeks(5).upperBound + gap
        known.learn(40, bucket: bucket, isAlerted: false, settings)
        let judgement = known.judge(40, bucket: bucket + 1, settings)
        #expect(judgement.isLearning == (gap > 1000))
        #expect(judgement.expected > 0 && judgement.expected < 200)
    }

    @Test func `flat traffic has a spread nonetheless`() {
        var known = SeriesBaseline()
        for bucket in weeks(3) { known.learn(100, bucket: bucket, isAlerted: false, settings) }
        let judgement = known.judge(130, bucket: weeks(3).upperBound, settings)
        #expect(!judgement.deviates)
        #expect(judgement.high == max(judgement.high, 3 * judgement.expected))
        #expect(known.judge(judgement.high, bucket: weeks(3).upperBound, settings).deviates)
        #expect(!known.judge(judgement.high.nextDown, bucket: weeks(3).upperBound, settings).deviates)
    }

    @Test func `the score is one half at high, and rises`() {
        let (known, _) = learned(5, seed: 4)
        let noon = weeks(5).upperBound + 12 * 6
        let high = known.judge(0, bucket: noon, settings).high
        #expect(abs(known.judge(high, bucket: noon, settings).score - 0.5) < 1e-6)
        var last = -1.0
        for value in stride(from: 0.0, to: 10 * high, by: high / 20) {
            let score = known.judge(value, bucket: noon, settings).score
            #expect(score >= last && score < 1)
            last = score
        }
    }

    @Test func `readings deviate to either side`() {
        var settings = settings
        settings.values = .readings
        settings.ratio = 0
        settings.scaleFloor = 0.1
        settings.relativeFloor = 0.01
        var known = SeriesBaseline()
        var random = Seeded(state: 5)
        for bucket in weeks(3) { known.learn(-20 + random.normal(), bucket: bucket, isAlerted: false, settings) }
        let bucket = weeks(3).upperBound
        #expect(known.judge(-30, bucket: bucket, settings).deviates)
        #expect(known.judge(-10, bucket: bucket, settings).deviates)
        #expect(!known.judge(-20, bucket: bucket, settings).deviates)
        #expect(abs(known.judge(0, bucket: bucket, settings).expected + 20) < 1)
    }

    @Test func `learning ends with enough history and enough active buckets, not before`() {
        var known = SeriesBaseline()
        let first = Week.monday
        for bucket in first..<(first + 49) { known.learn(5, bucket: bucket, isAlerted: false, settings) }
        let week = first + 7 * Week.bucketsPerDay
        #expect(known.judge(5, bucket: week - 1, settings).isLearning)
        #expect(known.judge(5, bucket: week, settings).isLearning)
        // A few more, as each weighs a little less every day.
        for bucket in (first + 49)..<(first + 60) { known.learn(5, bucket: bucket, isAlerted: false, settings) }
        #expect(known.judge(5, bucket: week - 1, settings).isLearning)
        #expect(!known.judge(5, bucket: week, settings).isLearning)
    }

    @Test func `values that are none, and buckets out of order, change nothing`() {
        var (known, _) = learned(1, seed: 6)
        var before: [UInt8] = []
        known.encode(into: &before)
        known.learn(.nan, bucket: weeks(2).upperBound, isAlerted: false, settings)
        known.learn(.infinity, bucket: weeks(2).upperBound, isAlerted: false, settings)
        known.learn(1e9, bucket: weeks(1).lowerBound, isAlerted: false, settings)
        var after: [UInt8] = []
        known.encode(into: &after)
        #expect(before == after)
    }
}
