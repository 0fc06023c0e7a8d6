// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Foundation
import Sigma
import Testing
import YAMLDocument

@Suite struct DamagedStateTests {
    private func plan() throws -> DetectorPlan {
        let rules = """
            title: x
            name: x
            logsource: { category: test }
            detection: { selection: { op: x }, condition: selection }
            level: low
            gatewatch: { suppress: { episode: 1h, group-by: [k] } }
            ---
            title: many
            name: many
            correlation: { type: event_count, rules: [x], group-by: [k], timespan: 10m, condition: { gte: 3 } }
            level: high
            gatewatch: { risk: { points: 10 } }
            """
        let set = RuleSet(documents: try YAMLReader.documents(text: rules, file: "r.yml"))
        #expect(set.errors == [])
        return try DetectorPlan(rules: set, mapping: .raw)
    }

    private func engine(_ plan: DetectorPlan) throws -> Engine {
        let engine = Engine(plan: plan)
        for second in 0..<4 {
            try Array(#"{"time":\#(1_795_003_200 + second),"op":"x","k":"a"}"#.utf8).withUnsafeBytes {
                try engine.process(plan.decoder.decode($0, fallbackUID: .missing))
            }
        }
        return engine
    }

    @Test func aRowOfWhichAnyByteChangedIsLeftOut() throws {
        let plan = try plan()
        let state = try engine(plan).snapshot()
        try #require(state.rows.count >= 2)
        #expect(Engine(plan: plan).restore(state) == 0)
        for (place, row) in state.rows.enumerated() {
            for byte in row.value.indices {
                var value = row.value
                value[byte] ^= 0x80
                var rows = state.rows
                rows[place] = .init(state: row.state, key: row.key, value: value)
                let engine = Engine(plan: plan)
                #expect(engine.restore(EngineState(newest: state.newest, rows: rows)) == 1)
                engine.finish()
            }
            for count in 0..<row.value.count {
                let short = EngineState.Row(state: row.state, key: row.key, value: Array(row.value.prefix(count)))
                #expect(Engine(plan: plan).restore(EngineState(newest: state.newest, rows: [short])) == 1)
            }
            // Another key's value is a lie, too.
            let other = EngineState.Row(state: row.state, key: row.key + [0], value: row.value)
            #expect(Engine(plan: plan).restore(EngineState(newest: state.newest, rows: [other])) == 1)
        }
    }

    @Test(arguments: [Int64.min, -1, .max])
    func aNewestTimeThatIsNoneIsLeftOut(newest: Int64) throws {
        let plan = try plan()
        let engine = Engine(plan: plan)
        _ = engine.restore(EngineState(newest: newest, rows: []))
        #expect(engine.snapshot().newest == nil)
    }
}
