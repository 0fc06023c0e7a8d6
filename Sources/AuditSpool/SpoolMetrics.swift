// SPDX-License-Identifier: Apache-2.0

import Metrics
import Synchronization

/// What passes a spool, as its metrics say: `gatewatch_audit_spool_events`, `gatewatch_recordings_spool_events`.
package enum SpoolPurpose: String, Sendable {
    case audit, recordings
}

/// The spool's numbers for Prometheus, brought up to date once a second rather than per event.
final class SpoolMetrics: Sendable {
    private struct Counted {
        var appended: UInt64 = 0
        var acknowledged: UInt64 = 0
        var refused: UInt64 = 0
        var damaged: UInt64 = 0
        var alreadyInKafka: UInt64 = 0
    }

    private let waitingEvents: Gauge
    private let waitingBytes: Gauge
    private let usedBytes: Gauge
    private let oldest: Gauge
    private let appended: Counter
    private let acknowledged: Counter
    private let refused: Counter
    private let damaged: Counter
    private let alreadyInKafka: Counter
    private let counted = Mutex(Counted())

    init(_ purpose: SpoolPurpose) {
        let prefix = "gatewatch_\(purpose.rawValue)_spool_"
        waitingEvents = Gauge(label: prefix + "events")
        waitingBytes = Gauge(label: prefix + "waiting_bytes")
        usedBytes = Gauge(label: prefix + "used_bytes")
        oldest = Gauge(label: prefix + "oldest_seconds")
        appended = Counter(label: prefix + "appended_total")
        acknowledged = Counter(label: prefix + "acknowledged_total")
        refused = Counter(label: prefix + "refused_total")
        damaged = Counter(label: prefix + "damaged_total")
        alreadyInKafka = Counter(label: prefix + "found_in_kafka_total")
        for counter in [appended, acknowledged, refused, damaged, alreadyInKafka] { counter.increment(by: 0) }
    }

    func record(_ status: SpoolStatus) {
        waitingEvents.record(status.waitingEvents)
        waitingBytes.record(status.waitingBytes)
        usedBytes.record(status.usedBytes)
        oldest.record(Double(status.oldestMilliseconds ?? 0) / 1000)
        counted.withLock { counted in
            raise(appended, status.appended, &counted.appended)
            raise(acknowledged, status.acknowledged, &counted.acknowledged)
            raise(refused, status.refused, &counted.refused)
            raise(damaged, status.damaged, &counted.damaged)
            raise(alreadyInKafka, status.alreadyInKafka, &counted.alreadyInKafka)
        }
    }

    private func raise(_ counter: Counter, _ value: UInt64, _ last: inout UInt64) {
        if value > last { counter.increment(by: value - last) }
        last = max(last, value)
    }
}
