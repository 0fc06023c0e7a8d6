// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Sigma
import Testing
import YAMLDocument

/// The block `gatewatch:`.
@Suite("The gatewatch block")
struct ExtensionTests {
    private func detection(_ block: String) -> String {
        ruleText("s: { a: 1 }\ncondition: s") + "gatewatch:\n"
            + block.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)\n" }.joined()
    }

    private func correlation(_ block: String) -> String {
        CorrelationTests.base("one")
            + CorrelationTests.correlation(
                "type: event_count\nrules: one\ngroup-by: user\ntimespan: 1m\ncondition: { gte: 2 }")
            + "gatewatch:\n"
            + block.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)\n" }.joined()
    }

    private func block(_ text: String) throws -> RuleExtension {
        let set = try ruleSet(text)
        try #require(set.errors == [])
        return try #require(set.metadata.last?.extensions)
    }

    @Test("without the block a rule has none of it")
    func absent() throws {
        let block = try block(ruleText("s: { a: 1 }\ncondition: s"))
        #expect(block.firstSeen == nil && block.suppress == nil && block.risk == nil && block.outside == nil)
        #expect(block.tests.isEmpty)
    }

    @Test("first_seen: field, group-by, history, learning")
    func firstSeen() throws {
        let read = try block(detection("first_seen: { field: host, group-by: identity, history: 30d, learning: 7d }"))
            .firstSeen
        #expect(read?.field == "host")
        #expect(read?.groupBy == ["identity"])
        #expect(read?.history.description == "30d")
        #expect(read?.learning.milliseconds == 604_800_000)
    }

    @Test("outside: a calendar file")
    func outside() throws {
        let read = try block(detection("outside: deployment.ics")).outside
        #expect(read?.file == "deployment.ics")
        #expect(read?.node.line == 7)
    }

    @Test("suppress: episode, and whose; risk: points")
    func suppressAndRisk() throws {
        let own = try block(detection("suppress: { episode: 30m, group-by: [identity, host] }\nrisk: { points: 40 }"))
        #expect(own.suppress?.episode.milliseconds == 1_800_000)
        #expect(own.suppress?.groupBy == ["identity", "host"])
        #expect(own.risk?.points == 40)
        let correlated = try block(correlation("suppress: { episode: 1h }"))
        #expect(correlated.suppress?.groupBy == [])
    }

    @Test("respond: action, ttl, scope and subject")
    func respond() throws {
        #expect(try block(detection("risk: { points: 1 }")).respond == nil)
        let plain = try #require(try block(detection("respond: { action: lockdown, ttl: 30d }")).respond)
        #expect(plain.action == .lockdown)
        #expect(plain.ttl?.milliseconds == RuleExtension.Respond.maximumTTL)
        #expect(plain.connections == [] && plain.operations == [] && plain.subject == .identity)
        let full = try #require(
            try block(
                correlation(
                    "respond: { action: block, ttl: 1h, connections: weights, operations: [corpus.read, config.*], subject: session }"
                )
            ).respond)
        #expect(full.action == .block)
        #expect(full.connections == ["weights"])
        #expect(full.operations == ["corpus.read", "config.*"])
        #expect(full.subject == .session)
        for action in ["observe", "notify"] {
            let none = try #require(try block(detection("respond: { action: \(action) }")).respond)
            #expect(!none.action.isOrder && none.ttl == nil)
        }
    }

    @Test("tests: events with repeat, every, at, set, vary, and the alerts that they give")
    func tests() throws {
        let tests = try block(
            detection(
                """
                tests:
                  - name: fires
                    start: 2026-11-21T09:00:00Z
                    events:
                      - { repeat: 5, every: 10s, set: { a: 1, b.c: x }, vary: { host: [h1, h2] } }
                      - { at: 10m, set: { a: 2 } }
                      - { at: 0, set: { a: 2 } }
                    alerts: 1
                  - name: one mapping counts as a list of one
                    events: { set: { a: 1 } }
                    alerts: 0
                """)
        ).tests
        #expect(tests.map(\.name) == ["fires", "one mapping counts as a list of one"])
        #expect(tests.map(\.alerts) == [1, 0])
        #expect(tests.map(\.start) == ["2026-11-21T09:00:00Z", nil])
        #expect(tests.first?.events.map(\.count) == [5, 1, 1])
        #expect(tests.first?.events.map(\.every) == [10_000, 1000, 1000])
        #expect(tests.first?.events.map(\.at) == [nil, 600_000, 0])
        #expect(tests.first?.events.first?.set.map(\.field) == ["a", "b.c"])
        #expect(tests.first?.events.first?.vary.map(\.field) == ["host"])
        #expect(tests.first?.events.first?.vary.first?.values.map { try? $0.text() } == ["h1", "h2"])
        #expect(tests.last?.events.map(\.count) == [1])
    }

    @Test(
        "faults of the block in a detection",
        arguments: [
            Fault("frist_seen: ¦{}", "gatewatch.frist_seen: unknown key 'frist_seen'. Did you mean 'first_seen'?"),
            Fault(
                "baseline: ¦{ history: 28d, minimum: { history: 7d, buckets: 50 } }",
                "gatewatch.baseline: belongs to a correlation: it compares what one counts. Refer to this rule from one."
            ),
            Fault("baseline: ¦{ history: 28d }", "gatewatch.baseline: the key 'minimum' is missing."),
            Fault(
                "baseline: ¦{ history: 10d, season: hour_of_week, minimum: { history: 7d, buckets: 50 } }",
                "gatewatch.baseline: history (10d) holds fewer than two of its seasons (hour_of_week)."),
            Fault(
                "baseline: { history: 28d, minimum: ¦{ history: 29d, buckets: 50 } }",
                "gatewatch.baseline.minimum: history (29d) is longer than what is remembered (28d)."),
            Fault(
                "baseline: ¦{ history: 28d, minimum: { history: 7d, buckets: 50 }, cold_start: peers }",
                "gatewatch.baseline: cold_start: peers needs the block 'peers'."),
            Fault(
                "baseline: { history: 28d, season: ¦weekly, minimum: { history: 7d, buckets: 50 } }",
                "gatewatch.baseline.season: unknown season 'weekly'. Known: hour_of_day, hour_of_week, none."),
            Fault(
                "sustain: ¦5m", "gatewatch.sustain: is not supported by this version. Use suppress: { episode: 30m }."),
            Fault(
                "respond: ¦lockdown", "gatewatch.respond: expected a mapping of keys to values, found a single value."),
            Fault(
                "respond: { order: ¦block }",
                "gatewatch.respond.order: unknown key 'order'. Known: action, connections, operations, subject, ttl."),
            Fault("respond: ¦{ ttl: 4h }", "gatewatch.respond: the key 'action' is missing."),
            Fault(
                "respond: { action: ¦lock-down, ttl: 4h }",
                "gatewatch.respond.action: unknown action 'lock-down'. Did you mean 'lockdown'?"),
            Fault(
                "respond: { action: ¦Block, ttl: 4h }",
                "gatewatch.respond.action: unknown action 'Block'. Did you mean 'block'?"),
            Fault(
                "respond: ¦{ action: block }",
                "gatewatch.respond: the key 'ttl' is missing: every order ends by itself. Write how long, as in ttl: 4h."
            ),
            Fault(
                "respond: { action: block, ttl: ¦4 h }",
                "gatewatch.respond.ttl: '4 h' is not a timespan. Write a whole number and a unit: 30s, 10m, 1h, 7d or 4w (at most ten years)."
            ),
            Fault(
                "respond: { action: block, ttl: ¦31d }",
                "gatewatch.respond.ttl: 31d is longer than an order may hold, 30d."),
            Fault(
                "respond: { action: notify, ttl: ¦4h }",
                "gatewatch.respond.ttl: 'notify' issues no order; leave 'ttl' out."),
            Fault(
                "respond: { action: observe, operations: ¦[a] }",
                "gatewatch.respond.operations: 'observe' issues no order; leave 'operations' out."),
            Fault(
                "respond: { action: block, ttl: 1h, operations: ¦[] }",
                "gatewatch.respond.operations: the list is empty; leave the key out to mean all."),
            Fault(
                "respond: { action: block, ttl: 1h, connections: [a, ¦''] }",
                "gatewatch.respond.connections[1]: no connection can be called ''. Use letters, digits, '-', '_' and '.', at most 128. Without the key all are meant."
            ),
            Fault(
                "respond: { action: block, ttl: 1h, connections: [¦'weights-*'] }",
                "gatewatch.respond.connections[0]: no connection can be called 'weights-*'. Use letters, digits, '-', '_' and '.', at most 128. Without the key all are meant."
            ),
            Fault(
                "respond: { action: block, ttl: 1h, operations: [config.*, ¦'*'] }",
                "gatewatch.respond.operations[1]: there is no operation '*'. \(AuditEvent.Operation.known)"),
            Fault(
                "respond: { action: block, ttl: 1h, operations: [¦checkpoint.donwload] }",
                "gatewatch.respond.operations[0]: there is no operation 'checkpoint.donwload'. \(AuditEvent.Operation.known)"
            ),
            Fault(
                "respond: { action: block, ttl: 1h, operations: ¦confg.* }",
                "gatewatch.respond.operations: there is no operation 'confg.*'. \(AuditEvent.Operation.known)"),
            Fault(
                "respond: { action: block, ttl: 1h, subject: ¦user }",
                "gatewatch.respond.subject: unknown subject 'user'. Known: identity, session."),
            Fault(
                "first_seen: ¦{ field: a, history: 1d, learning: 1h }",
                "gatewatch.first_seen: the key 'group-by' is missing."),
            Fault(
                "first_seen: ¦{ field: a, group-by: b, history: 1d, learning: 2d }",
                "gatewatch.first_seen: learning (2d) is longer than history (1d)."),
            Fault(
                "first_seen: { field: a, group-by: b, history: ¦long, learning: 2d }",
                "gatewatch.first_seen.history: 'long' is not a timespan. Write a whole number and a unit: 30s, 10m, 1h, 7d or 4w (at most ten years)."
            ),
            Fault(
                "first_seen: { field: a, group-by: b, history: 9d, learning: 2d }\nsuppress: ¦{ episode: 1h }",
                "gatewatch.suppress: first_seen raises one alert per new value by itself; leave suppress out."),
            Fault("suppress: ¦{}", "gatewatch.suppress: the key 'episode' is missing."),
            Fault("suppress: ¦30m", "gatewatch.suppress: expected a mapping of keys to values, found a single value."),
            Fault("risk: ¦40", "gatewatch.risk: expected a mapping of keys to values, found a single value."),
            Fault("risk: { points: 40, daily: ¦39 }", "gatewatch.risk.daily: daily is 40 (points) to 1000."),
            Fault(
                "risk: { points: 40, weights: { a: { b: ¦11 } } }",
                "gatewatch.risk.weights.a.b: a factor is 0.1 to 10."),
            Fault("risk: { points: ¦101 }", "gatewatch.risk.points: points are 0 to 100."),
            Fault("risk: { points: ¦1.5 }", "gatewatch.risk.points: expected a whole number, found '1.5'."),
            Fault("outside: ¦[a, b]", "gatewatch.outside: expected a single value, found a list."),
            Fault(
                "tests: [¦{ events: { set: { a: 1 } }, alerts: 1 }]", "gatewatch.tests[0]: the key 'name' is missing."),
            Fault(
                "tests: [{ name: t, events: { set: { a: 1 } }, alerts: ¦-1 }]",
                "gatewatch.tests[0].alerts: a test gives 0 alerts or more."),
            Fault("tests: [{ name: t, events: ¦[], alerts: 1 }]", "gatewatch.tests[0].events: has no events."),
            Fault(
                "tests: [{ name: t, events: { set: { a: 1 }, repeat: ¦0 }, alerts: 1 }]",
                "gatewatch.tests[0].events.repeat: repeat is 1 to 100000."),
            Fault(
                "tests: [{ name: t, events: ¦[{ set: { a: 1 }, repeat: 60000 }, { set: { a: 1 }, repeat: 60000 }], alerts: 1 }]",
                "gatewatch.tests[0].events: has more than 100000 events."),
            Fault(
                "tests: [{ name: t, events: { set: { a: 1 }, vary: { b: ¦[] } }, alerts: 1 }]",
                "gatewatch.tests[0].events.vary.b: has no values."),
            Fault(
                "tests: [{ name: t, events: { sett: ¦{ a: 1 } }, alerts: 1 }]",
                "gatewatch.tests[0].events.sett: unknown key 'sett'. Did you mean 'set'?"),
            Fault(
                "tests: [{ name: t, events: { set: { a: 1 }, at: ¦soon }, alerts: 1 }]",
                "gatewatch.tests[0].events.at: 'soon' is not a timespan. Write a whole number and a unit: 30s, 10m, 1h, 7d or 4w (at most ten years)."
            ),
        ])
    func faults(_ fault: Fault) throws {
        try Fault(detection(fault.marked), fault.message).check()
    }

    @Test(
        "faults of the block in a correlation",
        arguments: [
            Fault(
                "first_seen: ¦{ field: a, group-by: b, history: 9d, learning: 2d }",
                "gatewatch.first_seen: first_seen belongs to a detection rule; refer to that rule from here."),
            Fault(
                "suppress: ¦{ episode: 1h, group-by: user }",
                "gatewatch.suppress: a correlation's episodes follow its group-by; leave suppress.group-by out."),
        ])
    func correlationFaults(_ fault: Fault) throws {
        try Fault(correlation(fault.marked), fault.message).check()
    }
}
