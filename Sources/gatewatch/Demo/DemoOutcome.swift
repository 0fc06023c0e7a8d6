// SPDX-License-Identifier: Apache-2.0

/// What the demo showed.
struct DemoOutcome: Sendable {
    var insiders = 0
    var requests = 0
    var alerts = 0
    var deliveries = 0
    /// Orders in force at the gateway.
    var orders = 0
    /// Requests that were refused, and downloads that were cut, of insiders.
    var refusals = 0
    /// For each order: ms from the event that led to it until it was in force at the gateway.
    var eventToOrder: [Int64] = []
    /// What did not happen, or should not have.
    var faults: [String] = []
    /// What the gateway wrote of those for whom a rule did not fire.
    var witnessed: [String] = []
    var took = Duration.zero

    var isRight: Bool { faults.isEmpty }

    var lines: [String] {
        var lines = faults.map { "WRONG: \($0)" } + witnessed
        if !eventToOrder.isEmpty {
            let sorted = eventToOrder.sorted()
            lines.append(
                "from the last offending event to the order in force: median \(sorted[sorted.count / 2]) ms, slowest \(sorted[sorted.count - 1]) ms (\(sorted.count) orders)"
            )
        }
        if isRight {
            lines.append(
                "all \(insiders) insiders were detected and stopped, nobody else was; \(deliveries) of \(alerts) alerts delivered, every signature verified; \(requests) requests (\(took.components.seconds) s)"
            )
        }
        return lines
    }

    /// `event_to_order_ms` is the slowest.
    var json: String {
        let slowest = eventToOrder.max().map(String.init) ?? "null"
        return
            "{\"alerts\":\(alerts),\"deliveries\":\(deliveries),\"orders\":\(orders),\"refusals\":\(refusals),\"event_to_order_ms\":\(slowest)}"
    }
}
