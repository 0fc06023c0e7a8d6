// SPDX-License-Identifier: Apache-2.0

import Baseline
import Testing

@Suite struct StoredBaselineTests {
    private let settings = BaselineSettings()

    private func series(weeks: Int64) -> SeriesBaseline {
        var week = Week(seed: 7)
        var known = SeriesBaseline()
        for bucket in Week.monday..<(Week.monday + weeks * 7 * Week.bucketsPerDay) {
            known.learn(week.next(bucket), bucket: bucket, isAlerted: false, settings)
        }
        return known
    }

    private func sketch() -> PeerSketch {
        var random = Seeded(state: 3)
        var sketch = PeerSketch()
        for member in 0..<300 as Range<UInt64> {
            sketch.add(
                (random.unit() * 1000).rounded(), member: member &* 0x9E37_79B9_7F4A_7C15, bucket: Int64(member),
                history: 1000)
        }
        return sketch
    }

    @Test(arguments: [0, 1, 5] as [Int64])
    func `a stored baseline goes on as if it had not been stored`(weeks: Int64) throws {
        var known = series(weeks: weeks)
        var bytes: [UInt8] = []
        known.encode(into: &bytes)
        var read = try #require(bytes.withUnsafeBytes { SeriesBaseline(decoding: $0) })
        var week = Week(seed: 8)
        for bucket in (Week.monday + 60 * Week.bucketsPerDay)..<(Week.monday + 62 * Week.bucketsPerDay) {
            let value = week.next(bucket)
            #expect(known.judge(value, bucket: bucket, settings) == read.judge(value, bucket: bucket, settings))
            known.learn(value, bucket: bucket, isAlerted: false, settings)
            read.learn(value, bucket: bucket, isAlerted: false, settings)
        }
    }

    @Test func `a subject takes 96 bytes at most, and 400 with the hours of the week`() {
        #expect(SeriesBaseline().byteCount <= 96)
        #expect(series(weeks: 5).byteCount <= 400)
        #expect(series(weeks: 5).byteCount > 300)
    }

    @Test func `stored peers are the same peers`() throws {
        let sketch = sketch()
        var bytes: [UInt8] = []
        sketch.encode(into: &bytes)
        let read = try #require(bytes.withUnsafeBytes { PeerSketch(decoding: $0) })
        #expect(read.members == sketch.members)
        for q in [0, 0.5, 0.995, 1] { #expect(read.quantile(q) == sketch.quantile(q)) }
        #expect(read.highest(besides: 0) == sketch.highest(besides: 0))
        var again: [UInt8] = []
        read.encode(into: &again)
        #expect(again == bytes)
    }

    @Test func `damaged bytes are refused or read, and never end the process`() {
        var valid: [[UInt8]] = [[], []]
        series(weeks: 5).encode(into: &valid[0])
        sketch().encode(into: &valid[1])
        var random = Seeded(state: 11)
        for bytes in valid {
            for length in 0..<bytes.count {
                #expect(bytes[..<length].withUnsafeBytes { SeriesBaseline(decoding: $0) } == nil)
            }
            for _ in 0..<2000 {
                var damaged = bytes
                for _ in 0..<3 { damaged[Int(random.next() % UInt64(bytes.count))] = UInt8(random.next() & 255) }
                if var read = damaged.withUnsafeBytes({ SeriesBaseline(decoding: $0) }) {
                    for bucket in [Int64.min, -1, 0, Week.monday, .max] {
                        _ = read.judge(5, bucket: bucket, settings)
                        read.learn(5, bucket: bucket, isAlerted: false, settings)
                    }
                }
                if var read = damaged.withUnsafeBytes({ PeerSketch(decoding: $0) }) {
                    read.add(3, member: 1, bucket: .max, history: 10)
                    _ = (read.members, read.quantile(0.5), read.highest(besides: 1))
                }
            }
        }
    }

    @Test func `another version is refused`() {
        var bytes: [UInt8] = []
        series(weeks: 1).encode(into: &bytes)
        bytes[0] += 1
        #expect(bytes.withUnsafeBytes { SeriesBaseline(decoding: $0) } == nil)
    }
}
