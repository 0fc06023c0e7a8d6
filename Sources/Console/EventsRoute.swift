// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird
import NIOCore
import ServiceLifecycle
import Web

extension Console {
    /// `/events`: server-sent events that say which topics changed, until the session ends or the hub stops.
    func addEvents(to router: Router<WebContext>, sessions: SessionStore) {
        router.get("events") { [changes, now] _, context in
            guard let visitor = context.visitor, let session = visitor.session else { throw WebFault.unauthenticated }
            guard let stream = changes.watch() else {
                throw WebFault(
                    .serviceUnavailable, code: "too_many", "Too many pages are open. This one works without news.",
                    headers: [.retryAfter: "60"])
            }
            return Response(
                status: .ok, headers: [.contentType: "text/event-stream"],
                body: ResponseBody { writer in
                    try await writer.write(ByteBuffer(string: "retry: 5000\n\n"))
                    for try await event in Self.paced(stream).cancelOnGracefulShutdown() {
                        if try await !sessions.isAlive(session.idHash, now: now()) {
                            try await writer.write(ByteBuffer(string: "event: end\ndata: session\n\n"))
                            break
                        }
                        let text =
                            event.isEmpty
                            ? ": still here\n\n" : "event: change\ndata: \(event.joined(separator: " "))\n\n"
                        try await writer.write(ByteBuffer(string: text))
                    }
                    try await writer.finish(nil)
                })
        }
    }

    /// The stream with an empty event every 15 s, so that a connection that is gone is noticed; it ends when the hub stops.
    private static func paced(_ stream: AsyncStream<[String]>) -> AsyncStream<[String]> {
        AsyncStream { continuation in
            let task = Task {
                await withTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for await event in stream { continuation.yield(event) }
                    }
                    group.addTask {
                        while !Task.isCancelled {
                            try? await Task.sleep(for: .seconds(15))
                            continuation.yield([])
                        }
                    }
                    await group.waitForAll()
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}
