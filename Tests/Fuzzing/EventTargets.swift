// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Detectors

/// A plan with an engine that is made anew now and then, so that what an input does depends on few others.
final class FuzzEngine {
    /// Inputs that one engine sees.
    private static let inputs = 256

    private let plan: DetectorPlan
    private let transcoder: LineTranscoder?
    private var engine: Engine
    private var seen = 0

    init(_ files: DetectorFiles, _ mapping: Mapping, directory: IdentityDirectory? = nil) throws {
        plan = try DetectorPlan(
            rules: files.rules, mapping: mapping, directory: directory, calendars: files.calendars)
        transcoder = try plan.makeTranscoder(now: 1_795_003_200_000)
        engine = Engine(plan: plan)
    }

    func snapshot() -> EngineState { engine.snapshot() }

    /// Each line is an event.
    func take(_ input: [UInt8], _ outcome: inout Outcome) {
        seen += 1
        if seen % Self.inputs == 0 {
            engine.finish()
            outcome.add(size: engine.takeAlerts().count)
            engine = Engine(plan: plan)
        }
        // A copy of exactly that size, so that the address sanitizer sees a read past the end.
        for line in input.split(separator: 0x0A).prefix(64) {
            let text = UnsafeMutableRawBufferPointer.allocate(byteCount: line.count, alignment: 1)
            text.copyBytes(from: line)
            take(UnsafeRawBufferPointer(text), &outcome)
            text.deallocate()
        }
        if seen % 16 == 0 { _ = engine.takeChanges() }
    }

    private func take(_ line: UnsafeRawBufferPointer, _ outcome: inout Outcome) {
        let (text, count) = transcoder?.event(of: line, received: 1_795_003_200_000) ?? (line, 1)
        do throws(EventError) {
            let view = try plan.decoder.decode(text, fallbackUID: .missing, fallbackTime: 1_795_003_200_000)
            for _ in 0..<count { try engine.process(view) }
            if engine.hasAlerts {
                for alert in engine.takeAlerts() {
                    outcome.add(alert.ruleName)
                    outcome.add(alert.ocsf().isEmpty ? 0 : 1)
                }
            }
        } catch {
            outcome.add(error.code)
        }
    }
}

/// Bytes of audit events, through every mapping and the shipped detectors.
final class EventTarget: FuzzTarget {
    static let name = "events"
    let seeds: [[UInt8]]
    private let engines: [FuzzEngine]

    init(_ files: FuzzFiles) throws {
        let detectors = try files.detectors()
        let directory = try? IdentityDirectory(path: files.path("fixtures/identities.csv"))
        engines = try Mapping.builtInNames.map {
            try FuzzEngine(detectors, .named($0).applyingToEveryRule(), directory: directory)
        }
        let events = files.events()
        // Alone and in rows, as windows and sequences need several.
        seeds =
            events
            + stride(from: 0, to: events.count - 8, by: 8).map {
                Array(events[$0..<($0 + 8)].joined(separator: [0x0A]))
            }
    }

    func run(_ input: [UInt8]) -> UInt64 {
        var outcome = Outcome()
        for engine in engines { engine.take(input, &outcome) }
        return outcome.value
    }
}

/// Lines of text logs.
final class LineTarget: FuzzTarget {
    static let name = "lines"
    let seeds: [[UInt8]]
    private let engine: FuzzEngine

    init(_ files: FuzzFiles) throws {
        engine = try FuzzEngine(files.detectors(), .named("sshd"))
        seeds = FuzzFiles.textLines + [Array(FuzzFiles.textLines.joined(separator: [0x0A]))]
    }

    func run(_ input: [UInt8]) -> UInt64 {
        var outcome = Outcome()
        engine.take(input, &outcome)
        return outcome.value
    }
}

/// Rows of a stored state that came back otherwise than they were written.
final class SnapshotTarget: FuzzTarget {
    static let name = "snapshots"
    let seeds: [[UInt8]]
    private let plan: DetectorPlan
    private let events: [[UInt8]]

    init(_ files: FuzzFiles) throws {
        let detectors = try files.detectors()
        let directory = try? IdentityDirectory(path: files.path("fixtures/identities.csv"))
        let plan = try DetectorPlan(
            rules: detectors.rules, mapping: .named("ocsf"), directory: directory, calendars: detectors.calendars)
        self.plan = plan
        events = files.lines("fixtures/day.ndjson.gz", 20)
        let engine = Engine(plan: plan)
        for event in files.lines("fixtures/day.ndjson.gz", 20_000) {
            event.withUnsafeBytes { bytes in
                _ = try? engine.process(plan.decoder.decode(bytes, fallbackUID: .missing, fallbackTime: 0))
            }
        }
        // Some rows of each table.
        let rows = Dictionary(grouping: engine.snapshot().rows, by: \.state)
        let samples = rows.sorted { $0.key < $1.key }.flatMap {
            [Array($0.value.prefix(1)), Array($0.value.suffix(5))]
        }
        seeds = samples.map { Self.bytes($0) } + [Self.bytes(samples.compactMap(\.first))]
    }

    /// A row as state, length and bytes of the key, length and bytes of the value.
    private static func bytes(_ rows: [EngineState.Row]) -> [UInt8] {
        var bytes: [UInt8] = []
        func append(_ number: Int) {
            bytes += [UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8)]
        }
        for row in rows where row.key.count < 1 << 16 && row.value.count < 1 << 12 {
            withUnsafeBytes(of: row.state.littleEndian) { bytes += Array($0) }
            append(row.key.count)
            bytes += row.key
            append(row.value.count)
            bytes += row.value
        }
        return bytes
    }

    private static func rows(_ bytes: [UInt8]) -> [EngineState.Row] {
        var rest = bytes[...]
        func number(_ count: Int) -> UInt64 {
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        func take() -> [UInt8] {
            let count = Int(number(2))
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        var rows: [EngineState.Row] = []
        while !rest.isEmpty, rows.count < 64 {
            let state = number(8)
            rows.append(EngineState.Row(state: state, key: take(), value: take()))
        }
        return rows
    }

    func run(_ input: [UInt8]) -> UInt64 {
        var outcome = Outcome()
        let engine = Engine(plan: plan)
        let rows = Self.rows(input)
        outcome.add(size: rows.count)
        outcome.add(size: engine.restore(EngineState(newest: 1_795_003_200_000, rows: rows)))
        for event in events {
            event.withUnsafeBytes { bytes in
                _ = try? engine.process(plan.decoder.decode(bytes, fallbackUID: .missing, fallbackTime: 0))
            }
        }
        outcome.add(size: engine.snapshot().rows.count)
        _ = engine.takeChanges()
        engine.finish()
        outcome.add(size: engine.takeAlerts().count)
        return outcome.value
    }
}
