// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Foundation

/// The engine with all shipped detectors against simdjson alone on the same bytes, in turns within one run.
enum EngineBench {
    private static let rounds = 61

    /// Returns the engine's CPU time per event, in nanoseconds.
    static func run(_ workload: Workload) throws -> Double {
        guard let index = JSONIndex() else { return 0 }
        let plan = try workload.plan()
        let engine = Engine(plan: plan)
        let decoding = try workload.plan()
        var dom: [Double] = []
        var decode: [Double] = []
        var full: [Double] = []
        var single: [Double] = []
        let views = UnsafeMutableBufferPointer<EventView>.allocate(capacity: EventDecoder.kept)
        defer { views.deallocate() }
        let count = Double(workload.events.count)
        var alerts = 0
        for round in 0..<rounds {
            workload.nextDay()
            let domTime = measure {
                for event in workload.events {
                    if !index.parseDOM(
                        UnsafeRawPointer(workload.text(event).baseAddress.unsafelyUnwrapped), count: event.count)
                    {
                        fatalErrorInBench("simdjson refused a fixture event")
                    }
                }
            }
            let decodeTime = try measure {
                for event in workload.events {
                    _ = try decoding.decoder.decode(workload.text(event), fallbackUID: .missing)
                }
            }
            // By turns, so that both see the same days.
            let isSingle = round % 2 == 1
            let fullTime = try measure {
                if isSingle {
                    for event in workload.events {
                        try engine.process(plan.decoder.decode(workload.text(event), fallbackUID: .missing))
                    }
                } else {
                    for start in stride(from: 0, to: workload.events.count, by: views.count) {
                        let batch = workload.events[start..<min(start + views.count, workload.events.count)]
                        for (place, event) in batch.enumerated() {
                            (views.baseAddress.unsafelyUnwrapped + place).initialize(
                                to: try plan.decoder.decode(workload.text(event), fallbackUID: .missing))
                        }
                        engine.process(UnsafeBufferPointer(rebasing: views[..<batch.count])) { _, _ in }
                    }
                }
            }
            alerts += engine.takeAlerts().count
            _ = engine.takeChanges()
            // The first rounds fill tables and caches.
            if round < 5 { continue }
            dom.append(domTime / count)
            decode.append(decodeTime / count)
            if isSingle { single.append(fullTime / count) } else { full.append(fullTime / count) }
        }
        let ratio = dom.median / full.median
        say("one core, CPU time, medians of \(dom.count) rounds; the engine in batches of \(EventDecoder.kept)")
        row("  simdjson alone (DOM)", "\(format(dom.median)) ns/event, \(format(1e9 / dom.median, 0)) events/s")
        row("  decoding into the fields of the rules", "\(format(decode.median)) ns/event")
        row(
            "  engine with all detectors, decoding included",
            "\(format(full.median)) ns/event, \(format(1e9 / full.median, 0)) events/s")
        row("  the same, one event at a time", "\(format(single.median)) ns/event")
        row("  engine's speed against simdjson alone", "\(format(ratio * 100, 0)) %  (budget 40 %, aim 60 %)")
        row("  alerts per day", "\(alerts / rounds)")
        say("")
        return full.median
    }

    private static func measure(_ body: () throws -> Void) rethrows -> Double {
        let start = processNanoseconds()
        try body()
        return Double(processNanoseconds() - start)
    }

    private static func fatalErrorInBench(_ reason: String) {
        FileHandle.standardError.write(Data("\(reason)\n".utf8))
        exit(1)
    }
}
