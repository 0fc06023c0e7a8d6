// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Calendar
import Detection
import Foundation
import Sigma
import YAMLDocument

/// One event of a test, in a form that is easy to shuffle.
struct TestEvent: Equatable {
    /// Second 0 of the tests' clock, ms since the epoch.
    static let start: Int64 = 1_700_000_000_000

    /// Seconds.
    var time: Int64
    /// And milliseconds.
    var fraction: Int64 = 0
    var uid: String
    var fields: [String: String] = [:]
    var numbers: [String: Double] = [:]

    /// Since second 0, ms.
    var offset: Int64 { time * 1000 + fraction }

    var json: [UInt8] {
        var parts = ["\"time\":\(Self.start + offset)", "\"metadata\":{\"uid\":\"\(uid)\"}"]
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) { parts.append("\"\(name)\":\"\(value)\"") }
        for (name, value) in numbers.sorted(by: { $0.key < $1.key }) { parts.append("\"\(name)\":\(value)") }
        return Array("{\(parts.joined(separator: ","))}".utf8)
    }
}

/// An engine with rules of a test.
final class Bench {
    let plan: DetectorPlan
    var engine: Engine
    let options: Engine.Options
    private(set) var alerts: [Alert] = []
    private(set) var late: [String] = []

    init(_ yaml: String, suppresses: Bool = true, lateness: Int64 = 60_000, calendar: ICalendar? = nil) throws {
        let rules = RuleSet(documents: try YAMLReader.documents(text: yaml, file: "test.yml"))
        if let error = rules.errors.first { throw error }
        var calendars: [String: ICalendar] = [:]
        if let calendar { for metadata in rules.metadata { calendars[metadata.key] = calendar } }
        plan = try DetectorPlan(rules: rules, mapping: .raw, calendars: calendars)
        options = Engine.Options(lateness: lateness, suppresses: suppresses)
        engine = Engine(plan: plan, options: options)
    }

    func take(_ event: TestEvent) throws {
        try take(event.json, event.uid)
    }

    func take(json: String) throws {
        try take(Array(json.utf8), json)
    }

    private func take(_ json: [UInt8], _ name: String) throws {
        try json.withUnsafeBytes { bytes in
            let view = try plan.decoder.decode(bytes, fallbackUID: .missing)
            do throws(EventError) {
                try engine.process(view)
            } catch {
                late.append(name)
            }
        }
        alerts += engine.takeAlerts()
    }

    func take(_ events: [TestEvent]) throws {
        for event in events { try take(event) }
    }

    func finish() {
        engine.finish()
        alerts += engine.takeAlerts()
    }

    /// As when a partition has been silent for longer than the lateness.
    func release() {
        engine.release()
        alerts += engine.takeAlerts()
    }

    /// A new engine with the state of this one.
    func restart() -> Int {
        let state = engine.snapshot()
        engine = Engine(plan: plan, options: options)
        return engine.restore(state)
    }

    /// What a store has of the engine: its rows, as every commit brought them.
    struct Stored {
        private(set) var rows: [String: EngineState.Row] = [:]

        mutating func commit(_ changes: [EngineChange]) {
            for change in changes {
                rows["\(change.state) \(change.key)"] = change.value.map {
                    EngineState.Row(state: change.state, key: change.key, value: $0)
                }
            }
        }
    }

    /// Stores what changed, and goes on with a new engine that has read it. Minus one when the store does not have what the
    /// engine has.
    func restart(through stored: inout Stored) -> Int {
        stored.commit(engine.takeChanges())
        let state = EngineState(newest: engine.newest == .min ? nil : engine.newest, rows: Array(stored.rows.values))
        if state != engine.snapshot() { return -1 }
        engine = Engine(plan: plan, options: options)
        return engine.restore(state)
    }

    static func run(_ yaml: String, _ events: [TestEvent], suppresses: Bool = true) throws -> [Alert] {
        let bench = try Bench(yaml, suppresses: suppresses)
        try bench.take(events)
        bench.finish()
        return bench.alerts
    }
}

/// A seeded generator (SplitMix64, https://prng.di.unimi.it/splitmix64.c), so that a failure can be run again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Brings events into an order in which each comes at most `lateness` seconds after a later one, often just so late.
func shuffled(_ events: [TestEvent], within lateness: Int64, _ generator: inout SeededGenerator) -> [TestEvent] {
    events.map { event in
        let delays = [0, Int64.random(in: 0...lateness * 1000, using: &generator), lateness * 1000]
        return (event, event.offset + (delays.randomElement(using: &generator) ?? 0), generator.next())
    }
    .sorted { ($0.1, $0.2) < ($1.1, $1.2) }.map(\.0)
}

/// Every order of a few things.
func permutations<Element>(_ elements: [Element]) -> [[Element]] {
    if elements.count < 2 { return [elements] }
    return elements.indices.flatMap { index in
        var rest = elements
        let first = rest.remove(at: index)
        return permutations(rest).map { [first] + $0 }
    }
}
