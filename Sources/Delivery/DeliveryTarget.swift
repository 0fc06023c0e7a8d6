// SPDX-License-Identifier: Apache-2.0
package import Logging

/// Someone to whom messages are delivered.
package protocol DeliveryTarget: Sendable {
    /// The name that the configuration gives it; deliveries and metrics carry it.
    var name: String { get }
    /// What a log may show of its address: scheme, host and port, no path.
    var endpoint: String { get }
    /// What carries messages there, for one thread; it is kept between attempts.
    ///
    /// - Throws: what keeps it from ever working: the configuration is wrong.
    func connect(_ cancellation: CurlCancellation, logger: Logger) throws -> any DeliveryConnection
}

/// Carries messages to one target, by whatever medium. Used from one thread.
package protocol DeliveryConnection: AnyObject {
    /// Makes one attempt and waits for what comes of it, blocking the thread.
    func attempt(_ message: OutgoingMessage) -> Attempt
}

/// What the outbox holds of a message, at one attempt.
package struct OutgoingMessage: Sendable, Equatable {
    /// The `webhook-id`.
    package var id: String
    /// Messages of one key arrive in order.
    package var orderingKey: String
    /// What the target's format made; a target adds what may not be stored, or is of the attempt.
    package var body: [UInt8]
    /// The attempt's time, seconds since the epoch.
    package var nowSeconds: Int64

    package init(id: String, orderingKey: String, body: [UInt8], nowSeconds: Int64) {
        self.id = id
        self.orderingKey = orderingKey
        self.body = body
        self.nowSeconds = nowSeconds
    }
}

/// What every target's name must be: a metric's label, and a key in the outbox.
enum TargetName {
    static func check(_ name: String) throws(DeliveryError) {
        let isName =
            (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
        guard isName else {
            throw .badTarget(name: String(name.prefix(64)), reason: "a target's name is 1 to 64 of A-Z a-z 0-9 _ -")
        }
    }
}

/// An HTTP POST per message.
final class HTTPConnection: DeliveryConnection {
    private let client: CurlClient
    private let permanent: Set<Int>
    private let request: (OutgoingMessage) -> CurlRequest

    init(
        _ options: CurlClient.Options, _ cancellation: CurlCancellation, permanent: Set<Int> = [],
        request: @escaping (OutgoingMessage) -> CurlRequest
    ) throws(CurlError) {
        client = try CurlClient(options, cancellation: cancellation)
        self.permanent = permanent
        self.request = request
    }

    func attempt(_ message: OutgoingMessage) -> Attempt {
        do {
            return Attempt(http: .success(try client.post(request(message))), permanent: permanent)
        } catch {
            return Attempt(http: .failure(error))
        }
    }
}
