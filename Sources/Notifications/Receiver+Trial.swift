// SPDX-License-Identifier: Apache-2.0

package import Delivery
package import Logging

/// What came of a test message at one target.
package struct Trial: Sendable, Equatable {
    package let target: String
    /// Scheme, host and port.
    package let endpoint: String
    package let attempt: Attempt
}

extension Receiver {
    /// Sends a marked test message through each target at once, one attempt each, beside the outbox. Blocks its thread for as long as
    /// the targets take.
    ///
    /// - Parameter now: ms since the epoch, UTC.
    package func trial(now: Int64, logger: Logger) -> [Trial] {
        let message = Message.trial(
            id: "test_\(now)_\(UInt32.random(in: 0...UInt32.max))", receiver: name, now: now)
        return integrations.flatMap { integration in
            let target = integration.target
            return integration.payloads(message).map { id, payload in
                let attempt: Attempt
                do {
                    attempt = try target.connect(CurlCancellation(), logger: logger).attempt(
                        OutgoingMessage(id: id, orderingKey: "test", body: payload.body, nowSeconds: now / 1000))
                } catch {
                    attempt = .failed(Attempt.Failure(error: "\(error)"))
                }
                return Trial(target: target.name, endpoint: target.endpoint, attempt: attempt)
            }
        }
    }
}
