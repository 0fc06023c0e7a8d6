// SPDX-License-Identifier: Apache-2.0
import Delivery
import Foundation
import GRDB
import TestSupport

/// A folder that is removed at the end.
final class Folder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("gatewatch-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appendingPathComponent(name).path }
}

func webhook(
    _ url: String, name: String = "soc", timeoutMilliseconds: Int = 30_000, authority: String? = nil
) throws -> WebhookTarget {
    try WebhookTarget(
        name: name, url: url, secrets: [WebhookSecret(Secret(LocalReceiver.secret))],
        options: .init(
            connectTimeoutMilliseconds: timeoutMilliseconds, timeoutMilliseconds: timeoutMilliseconds,
            certificateAuthorityFile: authority, addresses: .allowingPrivate))
}

/// An outbox in a folder of its own.
struct Room {
    let folder: Folder
    let outbox: DeliveryOutbox

    init(
        _ targets: [any DeliveryTarget], delays: [Int64] = [0, 1, 1], folder: Folder? = nil, start: Bool = true
    ) throws {
        self.folder = try folder ?? Folder()
        outbox = try DeliveryOutbox(
            database: OutboxSchema.open(path: self.folder.path("outbox.sqlite")), targets: targets,
            schedule: RetrySchedule(delaysMilliseconds: delays, jitter: 0), logger: quiet)
        if start { try outbox.start() }
    }

    func enqueue(_ ids: String..., target: String = "soc", key: String? = nil) throws {
        try outbox.enqueue(
            ids.map {
                NewDelivery(
                    messageID: $0, target: target, orderingKey: key ?? $0, body: Array("{\"id\":\"\($0)\"}".utf8))
            })
    }

    /// Waits until no delivery is pending.
    func settled() async throws -> Bool {
        try await eventually { try outbox.deliveries(state: .pending).isEmpty }
    }

    func delivery(_ id: String, target: String = "soc") throws -> Delivery? {
        try outbox.deliveries(target: target).first { $0.messageID == id }
    }
}
