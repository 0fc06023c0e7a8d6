// SPDX-License-Identifier: Apache-2.0
package import Logging

/// A receiver of signed JSON by Standard Webhooks.
package struct WebhookTarget: DeliveryTarget {
    package let name: String
    private let options: CurlClient.Options
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
        try TargetName.check(name)
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

    package func connect(_ cancellation: CurlCancellation, logger: Logger) throws -> any DeliveryConnection {
        try HTTPConnection(options, cancellation) { [url, webhooks] message in
            CurlRequest(
                url: url,
                headers: [("content-type", "application/json")]
                    + webhooks.headers(id: message.id, timestampSeconds: message.nowSeconds, body: message.body),
                body: message.body)
        }
    }
}
