// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// What browsers are told to refuse, on every answer.
struct SecurityHeaders: RouterMiddleware {
    typealias Context = WebContext
    let isSecure: Bool

    /// Nothing inline, nothing from elsewhere, no frame around it. `img-src data:` is for the icons in the style sheet.
    static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

    func handle(
        _ request: Request, context: WebContext, next: (Request, WebContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        func set(_ name: HTTPField.Name?, _ value: String) {
            // A handler that says otherwise (the report is a file with its own style) knows why.
            guard let name, response.headers[name] == nil else { return }
            response.headers[name] = value
        }
        set(.contentSecurityPolicy, Self.policy)
        set(.xContentTypeOptions, "nosniff")
        // Not no-referrer: with that, browsers send `Origin: null` with our own forms (Fetch, "append a request Origin header").
        set(.init("Referrer-Policy"), "same-origin")
        set(.init("Cross-Origin-Opener-Policy"), "same-origin")
        set(.init("Cross-Origin-Resource-Policy"), "same-origin")
        set(
            .init("Permissions-Policy"),
            "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()")
        if isSecure { set(.strictTransportSecurity, "max-age=31536000") }
        set(.cacheControl, "no-store")
        return response
    }
}
