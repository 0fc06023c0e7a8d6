// SPDX-License-Identifier: Apache-2.0

import Metrics
import Synchronization

/// What the gateway counts.
final class GatewayMetrics: Sendable {
    let requests = Counter(label: "gatewatch_gateway_requests_total")
    let retries = Counter(label: "gatewatch_gateway_upstream_retries_total")
    let cut = Counter(label: "gatewatch_gateway_exchanges_cut_total")
    let orders = Counter(label: "gatewatch_gateway_orders_applied_total")
    let ordersRefused = Counter(label: "gatewatch_gateway_orders_refused_total")
    private let refusals = Mutex<[String: Counter]>([:])

    init() {
        for counter in [requests, retries, cut, orders, ordersRefused] { counter.increment(by: 0) }
    }

    /// Counts a refusal; the reasons are a fixed set of words.
    func refused(_ reason: String) {
        refusals.withLock { refusals in
            if let counter = refusals[reason] { return counter.increment() }
            let counter = Counter(label: "gatewatch_gateway_refusals_total", dimensions: [("reason", reason)])
            refusals[reason] = counter
            counter.increment()
        }
    }
}
