// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird
import Logging
import Metrics
import Synchronization

/// One line per request: who, what, how it ended. Queries are left out: codes and search words are nobody's business.
struct AccessLog: RouterMiddleware {
    typealias Context = WebContext
    let logger: Logger
    let metrics: any MetricsFactory

    func handle(
        _ request: Request, context: WebContext, next: (Request, WebContext) async throws -> Response
    ) async throws -> Response {
        let began = ContinuousClock.now
        let response = try await next(request, context)
        let took = began.duration(to: .now)
        let milliseconds = took.components.seconds * 1000 + took.components.attoseconds / 1_000_000_000_000_000
        Counter(
            label: "gatewatch_web_requests_total",
            dimensions: [("method", Self.method(request)), ("status", "\(response.status.code)")], factory: metrics
        ).increment()
        var metadata: Logger.Metadata = [
            "method": "\(Self.method(request))", "path": "\(request.uri.path.prefix(300))",
            "status": "\(response.status.code)", "ms": "\(milliseconds)", "address": "\(context.address)",
            "request": "\(context.request)",
        ]
        if let identity = response.headers[.gatewatchIdentity] { metadata["identity"] = "\(identity)" }
        logger.info("request", metadata: metadata)
        var sent = response
        sent.headers[.gatewatchIdentity] = nil
        return sent
    }

    /// A method's name is the client's to choose; a metric has only ours.
    private static func method(_ request: Request) -> String {
        switch request.method {
        case .get, .head, .post, .put, .patch, .delete, .options: request.method.rawValue
        default: "OTHER"
        }
    }
}

extension HTTPField.Name {
    /// From the gate to the access log; never sent.
    static let gatewatchIdentity = parsed("X-Gatewatch-Identity-Internal")

    /// A name that is written in the source.
    static func parsed(_ name: String) -> HTTPField.Name {
        HTTPField.Name(name) ?? .server
    }
}
