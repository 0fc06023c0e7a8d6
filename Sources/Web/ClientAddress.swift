// SPDX-License-Identifier: Apache-2.0

import Addresses
import HTTPTypes
import Hummingbird

/// Where a request comes from, if a proxy stands in front: for logs, sessions and the pace of logins.
struct ClientAddress: RouterMiddleware {
    typealias Context = WebContext
    let proxies: TrustedProxies

    func handle(
        _ request: Request, context: WebContext, next: (Request, WebContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.address = proxies.source(peer: context.address) { request.headers[values: .forwardedFor] }.address
        return try await next(request, context)
    }
}

extension HTTPField.Name {
    static let forwardedFor = parsed("X-Forwarded-For")
}
