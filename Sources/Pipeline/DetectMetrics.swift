// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Kafka
import Metrics
import Synchronization

/// What the detector process counts. Worker threads add once per batch, not per event.
final class DetectMetrics: Sendable {
    private let events = Counter(label: "gatewatch_events_total")
    private let withoutIdentity = Counter(label: "gatewatch_events_without_identity_total")
    private let rejected: [String: Counter]
    private let late = Counter(label: "gatewatch_events_late_total")
    private let commitTime = Timer(label: "gatewatch_commit_seconds")
    private let commitErrors = Counter(label: "gatewatch_commit_errors_total")
    private let alerts = Mutex<[[String]: Counter]>([:])
    private let orders: [String: Counter]

    init() {
        orders = Dictionary(
            uniqueKeysWithValues: ["issued", "observed", "refused"].map {
                ($0, Counter(label: "gatewatch_orders_total", dimensions: [("decision", $0)]))
            })
        rejected = Dictionary(
            uniqueKeysWithValues: EventError.codes.map {
                ($0, Counter(label: "gatewatch_events_rejected_total", dimensions: [("reason", $0)]))
            })
        for counter in [events, withoutIdentity, late, commitErrors] + rejected.values + orders.values {
            counter.increment(by: 0)
        }
    }

    func count(events number: Int, withoutIdentity missing: Int) {
        if number > 0 { events.increment(by: number) }
        if missing > 0 { withoutIdentity.increment(by: missing) }
    }

    func reject(_ error: EventError) {
        rejected[error.code]?.increment()
        if case .late = error { late.increment() }
    }

    /// - Parameter status: Sigma's `status` of the rule: alerts of experimental rules are counted like any and notify nobody.
    func alert(rule: String, status: String) {
        let counter = alerts.withLock { alerts in
            let key = [rule, status]
            if let known = alerts[key] { return known }
            let counter = Counter(label: "gatewatch_alerts_total", dimensions: [("rule", rule), ("status", status)])
            alerts[key] = counter
            return counter
        }
        counter.increment()
    }

    /// What became of an order that an alert called for.
    func order(_ decision: String) { orders[decision]?.increment() }

    func committed(nanoseconds: Int64) { commitTime.recordNanoseconds(nanoseconds) }
    func commitFailed() { commitErrors.increment() }

    func lag(_ partition: TopicPartition, _ records: Int64) {
        Gauge(label: "gatewatch_lag_records", dimensions: Self.dimensions(partition)).record(records)
    }

    func state(_ partition: TopicPartition, bytes: Int, cells: Int, keys: Int) {
        let dimensions = Self.dimensions(partition)
        Gauge(label: "gatewatch_state_bytes", dimensions: dimensions).record(bytes)
        Gauge(label: "gatewatch_state_cells", dimensions: dimensions).record(cells)
        Gauge(label: "gatewatch_state_keys", dimensions: dimensions).record(keys)
    }

    private static func dimensions(_ partition: TopicPartition) -> [(String, String)] {
        [("topic", partition.topic), ("partition", String(partition.partition))]
    }
}
