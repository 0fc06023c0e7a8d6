// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Testing

@Suite("Events in batches")
struct BatchTests {
    private static let rules =
        EdgeTests.rule("event_count", "gte: 3", extra: "gatewatch: { suppress: { episode: 60s } }") + """

            ---
            title: Needle
            name: needle
            logsource: { product: test }
            detection:
              words: [nee"dle]
              condition: words
            level: low
            ---
            title: New place
            name: new_place
            logsource: { product: test }
            detection:
              selection: { op: fail, place|endswith: '"x' }
              condition: selection
            level: low
            gatewatch: { first_seen: { field: place, group-by: k, history: 2h, learning: 1m } }
            """

    /// Escapes, lists, other shapes, events that come twice, late ones, and some that come too late.
    private static func events() -> [[UInt8]] {
        var state: UInt64 = 42
        func next(_ below: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % below
        }
        return (0..<400).map { index in
            let lateness = next(20) == 0 ? 90_000 : next(3) * 20_000
            let time = TestEvent.start + Int64(index * 7_000 - lateness)
            var parts = ["\"time\":\(time)", "\"metadata\":{\"uid\":\"e\(index - (next(9) == 0 ? 1 : 0))\"}"]
            parts.append("\"op\":\"\(next(4) == 0 ? "other" : "fail")\",\"k\":\"key-\(next(3))\"")
            if next(2) == 0 { parts.append("\"place\":\"p\(next(40))\\\"x\"") }
            if next(30) == 0 { parts.append("\"note\":[\"a\",{\"b\":\"a nee\\\"dle\"}]") }
            if next(30) == 0 { parts.append("\"n\":\(next(9))") }
            return Array("{\(parts.joined(separator: ","))}".utf8)
        }
    }

    /// What happened, in order: alerts, and the places of events that came too late.
    private static func run(inBatchesOf size: Int?) throws -> (happened: [String], state: EngineState) {
        let bench = try Bench(rules)
        let engine = bench.engine
        var happened: [String] = []
        func after(_ place: Int, _ error: EventError?) {
            happened += engine.takeAlerts().map { "\($0.id) \($0.time) \($0.relatedEvents)" }
            if let error { happened.append("\(place) \(error.code)") }
        }
        let events = events().map { event in
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: event.count, alignment: 1)
            copy.copyBytes(from: event)
            return UnsafeRawBufferPointer(copy)
        }
        defer { for event in events { event.deallocate() } }
        for start in stride(from: 0, to: events.count, by: size ?? 1) {
            let batch = events[start..<min(start + (size ?? 1), events.count)]
            let views = try batch.map { try bench.plan.decoder.decode($0, fallbackUID: .missing) }
            guard size != nil else {
                do throws(EventError) {
                    try engine.process(views[0])
                    after(start, nil)
                } catch {
                    after(start, error)
                }
                continue
            }
            views.withUnsafeBufferPointer { engine.process($0) { after(start + $0, $1) } }
        }
        return (happened, engine.snapshot())
    }

    @Test("come to what they come to one by one", arguments: [1, 2, 3, 7, EventDecoder.kept])
    func sameAsOneByOne(size: Int) throws {
        let (expected, state) = try Self.run(inBatchesOf: nil)
        #expect(expected.count > 40)
        #expect(expected.contains { $0.contains("late") })
        let batches = try Self.run(inBatchesOf: size)
        #expect(batches.happened == expected)
        #expect(batches.state == state)
    }
}
