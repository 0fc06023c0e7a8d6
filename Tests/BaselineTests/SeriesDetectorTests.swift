// SPDX-License-Identifier: Apache-2.0

import Baseline
import Testing

@Suite struct SeriesDetectorTests {
    private static let spacing: Int64 = 300_000

    /// A day's wave with noise, five minutes apart.
    private func wave(_ index: Int, _ random: inout Seeded) -> Double {
        let phase = Double(index % 288) / 288
        return 50 + 30 * (phase < 0.5 ? phase : 1 - phase) * 4 + random.normal()
    }

    private func run(_ count: Int, seed: UInt64 = 1, _ change: (Int, Double) -> Double = { $1 }) -> [SeriesPoint] {
        var detector = SeriesDetector()
        var random = Seeded(state: seed)
        return (0..<count).map { index in
            detector.next(change(index, wave(index, &random)), time: Int64(index) * Self.spacing)
        }
    }

    @Test func `of the first points only what is far outside alarms, and none before thirty are known`() {
        let points = run(SeriesDetector.warmUp + 1) { index, value in index == 150 || index == 29 ? 1e6 : value }
        #expect(points.indices.filter { points[$0].isAlarm } == [150])
        #expect(points[29].score == 0)
        for point in points[..<SeriesDetector.warmUp] { #expect(point.isLearning) }
        #expect(!points[SeriesDetector.warmUp].isLearning)
    }

    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func `a wave with noise raises nothing in two weeks`(seed: UInt64) {
        #expect(run(4032, seed: seed).filter(\.isAlarm).count <= 1)
    }

    @Test(arguments: [300.0, -100, 140])
    func `a spike alarms once, at its point`(height: Double) {
        let points = run(3000) { index, value in index == 2500 ? height : value }
        #expect(points[2500].isAlarm)
        #expect(points[2501...].allSatisfy { !$0.isAlarm })
    }

    @Test func `a shift alarms once, not for every point`() {
        let points = run(3000) { index, value in index >= 2500 ? value + 200 : value }
        let alarms = points.indices.filter { points[$0].isAlarm && $0 >= 2500 }
        #expect(alarms.first == 2500)
        #expect(alarms.count <= 2)
    }

    @Test func `a wave that stays flat alarms`() {
        let points = run(4000) { index, value in index >= 3000 && index < 3288 ? 50.5 : value }
        #expect(points[3000..<3400].contains { $0.isAlarm })
    }

    @Test func `a constant series is silent until it changes`() {
        var detector = SeriesDetector()
        for index in 0..<2000 {
            #expect(!detector.next(7, time: Int64(index) * Self.spacing).isAlarm)
        }
        #expect(detector.next(8, time: 2000 * Self.spacing).isAlarm)
    }

    @Test func `later points change nothing of earlier ones`() {
        let long = run(1500)
        #expect(run(1000) == Array(long[..<1000]))
    }

    @Test func `repeated times, gaps and clocks that go back are taken`() {
        var detector = SeriesDetector()
        var random = Seeded(state: 9)
        for index in 0..<1000 {
            let time = Int64(index) * Self.spacing
            let shift: Int64 = index > 500 && index < 512 ? -3_600_000 : index > 700 ? 90 * 86_400_000 : 0
            let point = detector.next(wave(index, &random), time: time + shift)
            #expect(point.score >= 0 && point.score < 1)
        }
        for _ in 0..<300 { _ = detector.next(60, time: 0) }
    }

    @Test func `huge and tiny values do not end it`() {
        for scale in [1e-300, 1e300] {
            var detector = SeriesDetector()
            var random = Seeded(state: 2)
            for index in 0..<400 {
                let point = detector.next((random.unit() - 0.5) * scale, time: Int64(index) * Self.spacing)
                #expect(point.score.isFinite)
            }
        }
    }

    @Test func `a short memory forgets, and bounds what is kept`() {
        var detector = SeriesDetector(SeriesSettings(memory: 300))
        var random = Seeded(state: 2)
        for index in 0..<3000 { _ = detector.next(wave(index, &random), time: Int64(index) * Self.spacing) }
        #expect(detector.next(500, time: 3000 * Self.spacing).isAlarm)
    }

    @Test func `without novelty a rule's own numbers judge`() {
        let rule = BaselineSettings(season: .none, minimumHistory: 0, minimumBuckets: 50)
        var detector = SeriesDetector(SeriesSettings(baseline: rule, novelty: false, holdDown: 0))
        var random = Seeded(state: 2)
        for index in 0..<1000 {
            let value = (20 + 5 * random.normal()).rounded()
            #expect(!detector.next(value, time: Int64(index) * Self.spacing).isAlarm)
        }
        let point = detector.next(0, time: 1000 * Self.spacing)
        #expect(point.score == 0)
        #expect(detector.next(point.high * 1.01, time: 1001 * Self.spacing).isAlarm)
        #expect(!detector.next(point.high * 0.9, time: 1002 * Self.spacing).isAlarm)
    }
}
