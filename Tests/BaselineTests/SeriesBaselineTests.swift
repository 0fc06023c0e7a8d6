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
}
