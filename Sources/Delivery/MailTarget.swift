// SPDX-License-Identifier: Apache-2.0
package import Logging

/// A mail server that takes messages which are mails already.
package struct MailTarget: DeliveryTarget {
    package let name: String
    private let server: MailServer
    private let sender: String
    private let recipients: [String]
    private let username: String?
    private let password: Secret?
    private let options: CurlClient.Options

    package var endpoint: String { server.endpoint }

    /// - Parameters:
    ///   - name: 1 to 64 of `[A-Za-z0-9_-]`.
    ///   - sender: the envelope's, where bounces go; `recipients`: at least one. Bare addresses.
    /// - Throws: ``DeliveryError`` naming the target.
    package init(
        name: String, server: MailServer, sender: String, recipients: [String], username: String? = nil,
        password: Secret? = nil, options: CurlClient.Options = CurlClient.Options()
    ) throws(DeliveryError) {
        try TargetName.check(name)
        guard !recipients.isEmpty else { throw .badTarget(name: name, reason: "it has no recipient: give one in to") }
        guard (username == nil) == (password == nil) else {
            throw .badTarget(name: name, reason: "a user name and a password come together")
        }
        guard password == nil || server.requiresTLS else {
            throw .badTarget(name: name, reason: "a password without require_tls could be read on its way")
        }
        self.name = name
        self.server = server
        self.sender = sender
        self.recipients = recipients
        self.username = username
        self.password = password
        self.options = options
    }

    package func connect(_ cancellation: CurlCancellation, logger: Logger) throws -> any DeliveryConnection {
        MailConnection(target: self, client: try CurlClient(options, cancellation: cancellation))
    }

    private final class MailConnection: DeliveryConnection {
        private let target: MailTarget
        private let client: CurlClient

        init(target: MailTarget, client: CurlClient) {
            self.target = target
            self.client = client
        }

        func attempt(_ message: OutgoingMessage) -> Attempt {
            do {
                return Attempt(
                    smtp: .success(
                        try client.submit(
                            MailSubmission(
                                smarthost: target.server, sender: target.sender, recipients: target.recipients,
                                username: target.username, password: target.password, content: message.body))))
            } catch {
                return Attempt(smtp: .failure(error))
            }
        }
    }
}
