// SPDX-License-Identifier: Apache-2.0
package import Logging

/// A service that takes messages by HTTP POST in its own form: Slack, PagerDuty, Teams, a SIEM.
package struct HTTPTarget: DeliveryTarget {
    /// What differs from one service to the other.
    package struct Service: Sendable {
        /// The body's media type.
        package var contentType: String
        /// Statuses by which the service refuses a message for good; all others but 2xx and 410 are tried again.
        package var permanent: Set<Int>

        package init(contentType: String, permanent: Set<Int>) {
            self.contentType = contentType
            self.permanent = permanent
        }

        /// 400 invalid_payload, 403 action_prohibited, 404 no_service (docs.slack.dev, "Handling errors" of incoming webhooks); 413 too large.
        package static let slack = Service(contentType: "application/json", permanent: [400, 403, 404, 413])
        /// 400: "Do not retry" (developer.pagerduty.com, Events API v2).
        package static let pagerDuty = Service(contentType: "application/json", permanent: [400, 413])
        /// 413: over 28 kB.
        package static let teams = Service(contentType: "application/json", permanent: [400, 413])
    }

    package let name: String
    private let url: CurlURL
    private let options: CurlClient.Options
    private let service: Service
    private let headers: [(name: String, value: Secret)]
    private let routingKey: Secret?

    package var endpoint: String { url.endpoint }

    /// - Parameters:
    ///   - name: 1 to 64 of `[A-Za-z0-9_-]`.
    ///   - url: absolute, http or https; often a secret as a whole.
    ///   - headers: beside `content-type`; secrets as `authorization`.
    ///   - routingKey: PagerDuty's; it is put into the body, an object, at each attempt and is not stored.
    /// - Throws: ``DeliveryError`` naming the target.
    package init(
        name: String, url: Secret, service: Service, headers: [(name: String, value: Secret)] = [],
        routingKey: Secret? = nil, options: CurlClient.Options = CurlClient.Options()
    ) throws(DeliveryError) {
        try TargetName.check(name)
        do {
            self.url = try CurlURL(url.revealed)
        } catch {
            throw .badTarget(name: name, reason: error.description)
        }
        if let key = routingKey?.revealed {
            guard key.utf8.count == 32, key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C })
            else {
                throw .badTarget(name: name, reason: "a routing_key has 32 characters: copy it from the integration")
            }
        }
        for header in headers
        where (header.name + header.value.revealed).utf8.contains(where: { $0 < 0x20 || $0 == 0x7F })
            || header.name.isEmpty || header.name.contains(where: { $0 == ":" || $0 == " " })
        {
            throw .badTarget(name: name, reason: "the header \(header.name.prefix(40)) cannot be sent")
        }
        self.name = name
        self.options = options
        self.service = service
        self.headers = headers
        self.routingKey = routingKey
    }

    package func connect(_ cancellation: CurlCancellation, logger: Logger) throws -> any DeliveryConnection {
        try HTTPConnection(options, cancellation, permanent: service.permanent) { [self] message in
            var body = message.body
            if let routingKey, body.first == UInt8(ascii: "{") {
                let isEmpty = body.count == 2
                body.replaceSubrange(
                    0..<1, with: Array("{\"routing_key\":\"\(routingKey.revealed)\"\(isEmpty ? "" : ",")".utf8))
            }
            return CurlRequest(
                url: url,
                headers: [("content-type", service.contentType)] + headers.map { ($0.name, $0.value.revealed) },
                body: body)
        }
    }
}
