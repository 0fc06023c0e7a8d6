// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Testing

/// Rows that are damaged under a seal that fits: whatever they say, nothing may be read beside them.
@Suite("Rows of shared events that say nonsense") struct DamagedLogTests {
    private static let hour: Int64 = 3_600_000

    private static func yaml(_ correlations: [String]) -> String {
        (RandomWindows.detections
            + correlations.enumerated().map { index, text in
                """
                title: r\(index)
                name: r\(index)
                correlation: { rules: [x], group-by: [a], \(text) }
                level: high
                """
            }).joined(separator: "\n---\n")
    }

    private static let rules = [
        "type: event_count, timespan: 1h, condition: { gte: 40 }",
        "type: value_sum, timespan: 1h, condition: { field: v, gte: 400 }",
        "type: value_count, timespan: 1h, condition: { field: n, gte: 40 }",
    ]

    private static func events(_ from: Int, _ count: Int) -> [RandomWindows.Event] {
        (from..<(from + count)).map {
            var event = RandomWindows.Event(
                time: Int64($0) * 1000, uid: $0 % 3 == 0 ? "an-id-longer-than-15-bytes-\($0)" : "e\($0)")
            event.groups = ["a": "a"]
            event.numbers = ["v": Double($0 % 7)]
            event.lists = ["n": ["n\($0 % 4)", "n\($0 % 3)"]]
            return event
        }
    }

    private static func sealed(_ value: [UInt8], _ row: EngineState.Row) -> [UInt8] {
        let seed = row.key.withUnsafeBytes { stableHash($0, seed: row.state) }
        let seal = value.withUnsafeBytes { stableHash($0, seed: seed) }
        return value + withUnsafeBytes(of: seal.littleEndian) { Array($0) }
    }

    @Test("are left out, or counted as what they say", arguments: [false, true])
    func anyByte(isMoved: Bool) throws {
        let bench = try Bench(Self.yaml(Self.rules), suppresses: false)
        for event in Self.events(0, 3) { try bench.take(json: event.json) }
        let state = bench.engine.snapshot()
        let row = try #require(state.rows.first)
        try #require(state.rows.count == 1)
        let value = Array(row.value.dropLast(8))
        try #require(Self.sealed(value, row) == row.value)
        let other = try Bench(Self.yaml(isMoved ? Self.rules.reversed() : Self.rules), suppresses: false)
        var left = 0
        func restore(_ value: [UInt8]) throws {
            let row = EngineState.Row(state: row.state, key: row.key, value: Self.sealed(value, row))
            other.engine = Engine(plan: other.plan, options: other.options)
            left += other.engine.restore(EngineState(newest: state.newest, rows: [row]))
            // Late ones, the same again, new ones; and after a silence what makes a channel leave.
            var events = Self.events(1, 4) + Self.events(4 * 3600, 2)
            events[5].numbers["v"] = 0.5
            for event in events { try other.take(json: event.json) }
            #expect(other.restart() == 0)
        }
        for byte in value.indices {
            for bits: UInt8 in [0x80, 0xFF] {
                var value = value
                value[byte] ^= bits
                try restore(value)
            }
        }
        for count in value.indices { try restore(Array(value.prefix(count))) }
        #expect(left > value.count)
        #expect(other.late == [])
    }
}
