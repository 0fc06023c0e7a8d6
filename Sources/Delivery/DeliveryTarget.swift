// SPDX-License-Identifier: Apache-2.0

/// Someone to whom messages are delivered by HTTP POST.
package protocol DeliveryTarget: Sendable {
    /// The name that the configuration gives it; deliveries and metrics carry it.
    var name: String { get }
    /// What a log may show of its address: scheme, host and port, no path.
    var endpoint: String { get }
    /// Timeouts and trust.
    var options: CurlClient.Options { get }
    /// The request of one attempt. `nowSeconds` (since the epoch) is the attempt's time; it is signed anew every time.
    func request(messageID: String, body: [UInt8], nowSeconds: Int64) -> CurlRequest
}

/// A receiver of signed JSON by Standard Webhooks.
package struct WebhookTarget: DeliveryTarget {
    package let name: String
    package let options: CurlClient.Options
    private let url: CurlURL
    private let webhooks: StandardWebhooks

    package var endpoint: String { url.endpoint }

    /// - Parameters:
    ///   - name: 1 to 64 of `[A-Za-z0-9_-]`; it is a metric's label and a key in the outbox.
    ///   - url: absolute, http or https; the path may be secret and is never logged.
    ///   - secrets: one, or several while one is rotated out, the newest first.
    ///   - options: timeouts and trust.
    /// - Throws: ``DeliveryError`` naming the target.
    package init(
        name: String, url: String, secrets: [WebhookSecret], options: CurlClient.Options = CurlClient.Options()
    ) throws(DeliveryError) {
        guard (1...64).contains(name.utf8.count), name.utf8.allSatisfy(Self.isNameByte) else {
            throw .badTarget(name: String(name.prefix(64)), reason: "a target's name is 1 to 64 of A-Z a-z 0-9 _ -")
        }
        guard !secrets.isEmpty else {
            throw .badTarget(name: name, reason: "it has no secret, so its messages could not be signed: give one")
        }
        do {
            self.url = try CurlURL(url)
        } catch {
            throw .badTarget(name: name, reason: error.description)
        }
        self.name = name
        self.options = options
        webhooks = StandardWebhooks(secrets: secrets)
    }

    package func request(messageID: String, body: [UInt8], nowSeconds: Int64) -> CurlRequest {
        CurlRequest(
            url: url,
            headers: [("content-type", "application/json")]
                + webhooks.headers(id: messageID, timestampSeconds: nowSeconds, body: body),
            body: body)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
