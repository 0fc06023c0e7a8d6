// SPDX-License-Identifier: Apache-2.0

import Delivery
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// The demo's receiver of webhooks: a real HTTP server on loopback that checks each signature, as a customer's would.
struct WebhookReceiver: Service {
    /// What arrived, once per `webhook-id`.
    final class Inbox: Sendable {
        struct Message: Sendable {
            let id: String
            /// The alert's id.
            let alert: String
            let identity: String
            let rule: String
            let level: String
            let message: String
            let time: Int64
        }

        private let state = Mutex<(messages: [Message], ids: Set<String>, repeats: Int, refused: Int)>(([], [], 0, 0))

        var messages: [Message] { state.withLock { $0.messages } }
        var refused: Int { state.withLock { $0.refused } }

        /// Whether the message is new.
        func add(_ message: Message) -> Bool {
            state.withLock { state in
                guard state.ids.insert(message.id).inserted else {
                    state.repeats += 1
                    return false
                }
                state.messages.append(message)
                return true
            }
        }

        func refuse() { state.withLock { $0.refused += 1 } }
    }

    let inbox = Inbox()
    let secret: WebhookSecret
    let logger: Logger
    /// Called for each new message.
    let show: @Sendable (Inbox.Message) -> Void
    let onListening: @Sendable (Int) -> Void

    func run() async throws {
        let router = Router()
        let (inbox, secret, show) = (inbox, secret, show)
        router.post("hook") { request, _ -> HTTPResponse.Status in
            let body = try await Array(request.body.collect(upTo: 1 << 20).readableBytesView)
            func header(_ name: String) -> String {
                HTTPField.Name(name).flatMap { request.headers[$0] } ?? ""
            }
            let id = header(StandardWebhooks.Header.id)
            do {
                try StandardWebhooks(secrets: [secret]).verify(
                    id: id, timestamp: header(StandardWebhooks.Header.timestamp),
                    signature: header(StandardWebhooks.Header.signature), body: body,
                    nowSeconds: Int64(Date().timeIntervalSince1970))
            } catch {
                inbox.refuse()
                return .unauthorized
            }
            guard let message = Self.message(id, body) else { return .badRequest }
            if inbox.add(message) { show(message) }
            return .noContent
        }
        var quiet = logger
        quiet.logLevel = .warning
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { [onListening] channel in onListening(channel.localAddress?.port ?? 0) }, logger: quiet)
        try await application.run()
    }

    private static func message(_ id: String, _ body: [UInt8]) -> Inbox.Message? {
        guard let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
            let finding = object["data"] as? [String: Any], let info = finding["finding_info"] as? [String: Any],
            let analytic = info["analytic"] as? [String: Any], let unmapped = finding["unmapped"] as? [String: Any]
        else { return nil }
        return Inbox.Message(
            id: id, alert: info["uid"] as? String ?? "", identity: unmapped["identity"] as? String ?? "",
            rule: analytic["name"] as? String ?? "",
            level: finding["severity"] as? String ?? "", message: finding["message"] as? String ?? "",
            time: (finding["time"] as? NSNumber)?.int64Value ?? 0)
    }
}
