// SPDX-License-Identifier: Apache-2.0

import Baseline
import Fixtures
import Testing

/// Five working weeks of the fixtures' normal traffic and then the fixture day itself, bucketed per identity.
@Suite struct FixtureTrafficTests {
    private static let days = [
        "10-14", "10-15", "10-16", "10-19", "10-20", "10-21", "10-22", "10-23", "10-26", "10-27", "10-28", "10-29",
        "10-30", "11-02", "11-03", "11-04", "11-05", "11-06", "11-09", "11-10", "11-11", "11-12", "11-13", "11-16",
        "11-17",
    ]

    private static let settings = BaselineSettings()

    /// Items per identity and 10 minutes; of insiders only what they do besides.
    private static func totals(_ day: FixtureDay, insiders: Bool) -> [String: [Int64: Double]] {
        var totals: [String: [Int64: Double]] = [:]
        let spans = Dictionary(uniqueKeysWithValues: day.insiders.map { ($0.identity, $0.from...$0.to) })
        for event in day.events {
            if !insiders, spans[event.identity]?.contains(event.timeMilliseconds) == true { continue }
            guard let items = number(after: "\"items\":", in: event.json) else { continue }
            totals[event.identity, default: [:]][event.timeMilliseconds / settings.bucket, default: 0] += items
        }
        return totals
    }

    private static func number(after key: StaticString, in json: [UInt8]) -> Double? {
        let key = Array(UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount))
        guard let found = json.firstRange(of: key) else { return nil }
        return Double(String(decoding: json[found.upperBound...].prefix { (48...57).contains($0) }, as: UTF8.self))
    }

    @Test func `weeks of normal traffic raise next to nothing, and who pulls 40,000 vectors stands out`() throws {
        var known: [String: SeriesBaseline] = [:]
        var alarms = 0
        var judged = 0
        for (index, date) in Self.days.enumerated() {
            let day = try FixtureDay(seed: UInt64(100 + index), date: "2026-\(date)", normalIdentities: 16)
            for (identity, totals) in Self.totals(day, insiders: false) {
                for (bucket, value) in totals.sorted(by: { $0.key < $1.key }) {
                    var series = known[identity] ?? SeriesBaseline()
                    let judgement = series.judge(value, bucket: bucket, Self.settings)
                    if !judgement.isLearning { judged += 1 }
                    if judgement.deviates { alarms += 1 }
                    series.learn(value, bucket: bucket, isAlerted: judgement.deviates, Self.settings)
                    known[identity] = series
                }
            }
        }
        #expect(judged > 3000)
        // The spread is such that one bucket in 5,000 lies beyond; a rule's floor takes most of these away.
        #expect(alarms * 2500 <= judged)

        let day = try FixtureDay(seed: 1, normalIdentities: 16)
        let bulk = try #require(day.insiders.first { $0.signal == .bulkRequests })
        for (identity, totals) in Self.totals(day, insiders: true) {
            guard let series = known[identity] else { continue }
            let deviating = totals.filter { series.judge($0.value, bucket: $0.key, Self.settings).deviates }
            if identity == bulk.identity {
                #expect(deviating.values.max() ?? 0 > 10_000)
            } else if !day.insiders.contains(where: { $0.identity == identity }) {
                #expect(deviating.isEmpty, "\(identity)")
            }
        }
        #expect(known[bulk.identity] != nil)
    }
}
