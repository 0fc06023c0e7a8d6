// SPDX-License-Identifier: Apache-2.0

import AuditEvent
package import Detection

/// Runs detectors over a recorded log, as the live pipeline would have.
package struct Backtest {
    /// What was read and what was not.
    package struct Summary: Sendable {
        package var events = 0
        /// Why events were not taken, and how many for each reason.
        package var rejected: [String: Int] = [:]
        /// The first few, as `line 12: the event is not JSON: …`.
        package var examples: [String] = []
        package var withoutIdentity = 0
        /// Per rule name.
        package var alerts: [String: Int] = [:]

        package var rejectedCount: Int { rejected.values.reduce(0, +) }
    }

    private let plan: DetectorPlan
    private let engine: Engine
    private var lastTime: Int64?
    private var line = 0
    package private(set) var summary = Summary()

    /// - Parameter suppresses: false fires again at every event at which a condition holds.
    package init(plan: DetectorPlan, lateness: Int64 = 60_000, suppresses: Bool = true) {
        self.plan = plan
        engine = Engine(plan: plan, options: .init(lateness: lateness, suppresses: suppresses))
    }

    /// Runs over one file of NDJSON (`-` is standard input; gzip is seen by itself). Empty lines are passed over.
    package mutating func run(
        path: String, _ emit: (Alert) -> Void, progress: (_ events: Int) -> Void = { _ in }
    ) throws {
        let reader = try LineReader(path: path)
        while try reader.next({ take($0, emit) }) {
            if line % 10_000 == 0 { progress(summary.events) }
        }
    }

    /// The same with the file's events in the order of their times, for logs that are not written in order. Holds the file in
    /// memory. Lines keep their numbers; an event without a time follows the one before it.
    package mutating func runSorted(path: String, _ emit: (Alert) -> Void) throws {
        let reader = try LineReader(path: path)
        var lines: [(time: Int64, number: Int, text: [UInt8])] = []
        var number = 0
        while try reader.next({ text in
            number += 1
            let known = lines.last?.time ?? 0
            // What cannot be read stays where it stands, to be refused there.
            let view = try? plan.decoder.decode(text, fallbackUID: .missing, fallbackTime: known)
            lines.append((view?.time ?? known, number, Array(text)))
        }) {}
        lines.sort { ($0.time, $0.number) < ($1.time, $1.number) }
        for entry in lines {
            line = entry.number - 1
            entry.text.withUnsafeBytes { take($0, emit) }
        }
    }

    /// Takes one line.
    package mutating func take(_ text: UnsafeRawBufferPointer, _ emit: (Alert) -> Void) {
        line += 1
        if text.isEmpty { return }
        do throws(EventError) {
            let uid = UIDText(line: line)
            let view = try plan.decoder.decode(text, fallbackUID: uid.slot, fallbackTime: lastTime ?? 0)
            try engine.process(view)
            lastTime = view.time
            summary.events += 1
            if !view[plan.identity].hasValue { summary.withoutIdentity += 1 }
            withExtendedLifetime(uid) {}
        } catch {
            summary.rejected[error.code, default: 0] += 1
            if summary.examples.count < 10 { summary.examples.append("line \(line): \(error)") }
        }
        drain(emit)
        // Nothing is stored.
        if line & 0xFFF == 0 { engine.discardChanges() }
    }

    /// Decides what still waits; to be called once after the last file.
    package mutating func finish(_ emit: (Alert) -> Void) {
        engine.finish()
        drain(emit)
    }

    private mutating func drain(_ emit: (Alert) -> Void) {
        guard engine.hasAlerts else { return }
        for alert in engine.takeAlerts() {
            summary.alerts[alert.ruleName, default: 0] += 1
            emit(alert)
        }
    }

    /// `line:12`, in memory that a slot can point to.
    private final class UIDText {
        private let bytes: UnsafeMutableRawBufferPointer
        let slot: Slot

        init(line: Int) {
            let text = "line:\(line)"
            bytes = .allocate(byteCount: text.utf8.count, alignment: 1)
            bytes.copyBytes(from: text.utf8)
            slot = .string(UnsafeRawBufferPointer(bytes))
        }

        deinit {
            bytes.deallocate()
        }
    }
}
