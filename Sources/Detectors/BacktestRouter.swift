// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection

/// Reads the events of a batch on all cores, and says of each whether it counts, when it is and which engine's it is.
final class BacktestRouter {
    /// Where an event goes.
    struct Route {
        /// False for what was refused.
        var isTaken = false
        var share = 0
        /// ms since the epoch.
        var time: Int64 = 0
    }

    /// What one thread found out about an event by itself.
    private struct Reading {
        var error: EventError?
        /// Nil where the event has none.
        var time: Int64?
        var key: UInt64 = 0
        var identity: UInt64?
    }

    private let readers: [DetectorPlan]
    private let shares: Int
    private var lines = 0

    /// - Parameter readers: one per thread, each watching the field by whose values the events are shared out.
    init(readers: [DetectorPlan], shares: Int) {
        self.readers = readers
        self.shares = shares
    }

    /// One route per line of the batch. What is refused is counted in the summary, in the order of the lines.
    func routes(
        _ batch: EventBatch, _ files: LogFiles, _ clock: inout BacktestClock, _ summary: inout BacktestSummary
    ) -> [Route] {
        var routes: [Route] = []
        routes.reserveCapacity(batch.lines.count)
        for (line, reading) in zip(batch.lines, read(batch)) {
            var route = Route(share: Int(reading.key % UInt64(shares)), time: reading.time ?? clock.last ?? 0)
            do throws(EventError) {
                if let error = reading.error { throw error }
                try clock.take(route.time, line: lines)
                summary.take(time: route.time, hasTime: reading.time != nil, identity: reading.identity)
                route.isTaken = true
            } catch {
                summary.reject(error, files.place(file: Int(line.file), line: line.number))
            }
            routes.append(route)
            lines += 1
        }
        return routes
    }

    private func read(_ batch: EventBatch) -> [Reading] {
        let count = batch.lines.count
        return [Reading](unsafeUninitializedCapacity: count) { readings, initialized in
            readings.initialize(repeating: Reading())
            initialized = count
            // Each thread writes the readings of its own stretch of lines, and nobody reads them before all are done.
            nonisolated(unsafe) let readings = readings
            inParallel(readers.count) { index in
                let stretch = (count * index / readers.count)..<(count * (index + 1) / readers.count)
                batch.bytes.withUnsafeBytes { bytes in
                    for number in stretch {
                        readings[number] = Self.read(batch.text(batch.lines[number], bytes), readers[index])
                    }
                }
            }
        }
    }

    private static func read(_ text: UnsafeRawBufferPointer, _ reader: DetectorPlan) -> Reading {
        do throws(EventError) {
            let view = try reader.decoder.decode(text, fallbackUID: .missing, fallbackTime: 0)
            return Reading(
                time: view.hasTime ? view.time : nil,
                key: reader.watched.first.flatMap { BacktestLane.hash(view, $0) } ?? 0,
                identity: BacktestLane.hash(view, reader.identity))
        } catch {
            return Reading(error: error)
        }
    }
}
