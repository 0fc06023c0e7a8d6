// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection

/// The time of the stream, as one engine over all events would have it.
struct BacktestClock {
    private let lateness: Int64
    private var newest: Int64 = .min
    private var nextSweep: Int64 = .min
    /// The time of the last event that was taken, for events that have none; ms since the epoch.
    private(set) var last: Int64?
    /// When an engine lets go of what is over: after time has passed at a line, at that watermark.
    private var sweeps: [(line: Int, watermark: Int64)] = []

    init(lateness: Int64) {
        self.lateness = lateness
    }

    /// Takes an event's time; throws `EventError.late` as the engine does.
    ///
    /// - Parameter line: of the input, counted over all batches.
    mutating func take(_ time: Int64, line: Int) throws(EventError) {
        if newest > .min, time < newest - lateness { throw .late(milliseconds: newest - lateness - time) }
        last = time
        guard time > newest else { return }
        newest = time
        let watermark = time - lateness
        if watermark >= nextSweep {
            nextSweep = watermark + Engine.sweepInterval
            sweeps.append((line, watermark))
        }
    }

    /// The sweeps since the last call.
    mutating func takeSweeps() -> [(line: Int, watermark: Int64)] {
        defer { sweeps = [] }
        return sweeps
    }
}
