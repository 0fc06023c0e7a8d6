// SPDX-License-Identifier: Apache-2.0

import Baseline
import Testing

@Suite struct PeerSketchTests {
    private func hash(_ number: Int) -> UInt64 {
        var random = Seeded(state: UInt64(number))
        return random.next()
    }

    @Test(arguments: [1.0, 7, 1000, 1e9])
    func `a quantile is off by nine per cent at most`(size: Double) {
        var sketch = PeerSketch()
        for number in 1...1000 { sketch.add(Double(number) * size, member: hash(number), bucket: 0, history: 100) }
        for q in [0.05, 0.5, 0.9, 0.995] {
            let exact = q * 1000 * size
            #expect(abs(sketch.quantile(q) / exact - 1) < 0.1, "\(q)")
        }
    }

    @Test(arguments: [0, 1, 5, 200, 3000])
    func `members are counted to a few per cent`(count: Int) {
        var sketch = PeerSketch()
        for number in 0..<count {
            for bucket in 0..<3 as Range<Int64> { sketch.add(1, member: hash(number), bucket: bucket, history: 1000) }
        }
        #expect(abs(Double(sketch.members - count)) <= 0.06 * Double(count))
    }

    @Test func `the next peer is never the member itself`() {
        var sketch = PeerSketch()
        sketch.add(1000, member: 1, bucket: 0, history: 100)
        #expect(sketch.highest(besides: 1) == nil)
        sketch.add(40, member: 2, bucket: 1, history: 100)
        sketch.add(2000, member: 1, bucket: 2, history: 100)
        #expect(sketch.highest(besides: 1)?.value == 40)
        #expect(sketch.highest(besides: 2)?.value == 2000)
    }

    @Test func `what was long ago weighs little, and members who left are no members`() {
        var sketch = PeerSketch()
        for number in 0..<100 { sketch.add(1000, member: hash(number), bucket: 0, history: 100) }
        for number in 0..<10 { sketch.add(10, member: hash(number), bucket: 1000, history: 100) }
        #expect(sketch.quantile(0.5) < 12)
        #expect(sketch.members <= 12)
        #expect(sketch.highest(besides: 0)?.value == 10)
    }

    @Test func `values that are none are ignored`() {
        var sketch = PeerSketch()
        for value in [Double.nan, .infinity, -1, 0] { sketch.add(value, member: 1, bucket: 0, history: 1) }
        #expect(sketch.members == 0)
        #expect(sketch.quantile(0.5) == 0)
        sketch.add(1e300, member: 1, bucket: .min, history: .max)
        sketch.add(1, member: 2, bucket: .max, history: 0)
        #expect(sketch.quantile(1) > 0)
    }
}
