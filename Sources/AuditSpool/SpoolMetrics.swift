// SPDX-License-Identifier: Apache-2.0

import Metrics
import Synchronization

/// The spool's numbers for Prometheus, brought up to date once a second rather than per event.
final class SpoolMetrics: Sendable {
    private struct Counted {
        var appended: UInt64 = 0
        var acknowledged: UInt64 = 0
        var refused: UInt64 = 0
        var damaged: UInt64 = 0
        var alreadyInKafka: UInt64 = 0
    }

    private let waitingEvents = Gauge(label: "gatewatch_audit_spool_events")
    private let waitingBytes = Gauge(label: "gatewatch_audit_spool_waiting_bytes")
    private let usedBytes = Gauge(label: "gatewatch_audit_spool_used_bytes")
    private let oldest = Gauge(label: "gatewatch_audit_spool_oldest_seconds")
    private let appended = Counter(label: "gatewatch_audit_spool_appended_total")
    private let acknowledged = Counter(label: "gatewatch_audit_spool_acknowledged_total")
    private let refused = Counter(label: "gatewatch_audit_spool_refused_total")
    private let damaged = Counter(label: "gatewatch_audit_spool_damaged_total")
    private let alreadyInKafka = Counter(label: "gatewatch_audit_spool_found_in_kafka_total")
    private let counted = Mutex(Counted())

    init() {
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
