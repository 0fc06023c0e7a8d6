// SPDX-License-Identifier: Apache-2.0

package import Desk
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Whose an API token is; nil if it is nobody's.
package typealias TokenLookup = @Sendable (_ token: String) async throws -> Actor?
/// Somebody has logged in.
package typealias LoginHook = @Sendable (Actor) async throws -> Void

/// Who asks, and may they ask at all: nothing but the login and the assets is open to everybody. Every request that could change
/// something must come from one of our own pages (or carry an API token), and its form must have the session's token.
struct Gate: RouterMiddleware {
    typealias Context = WebContext
    let settings: WebSettings
    let sessions: SessionStore
    let origin: OriginBox
    let tokens: TokenLookup
    let looks: any WebLooks
    let logger: Logger
    let now: @Sendable () -> Int64

    /// Begins of paths that need nobody.
    private static let open = ["/login", "/callback", "/logout", "/assets/"]

    func handle(
        _ request: Request, context: WebContext, next: (Request, WebContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        var response: Response
        do {
            let origin = try origin.value
            try checkTarget(request, origin)
            context.visitor = try await visitor(request, origin)
            if !isOpen(request) {
                guard let visitor = context.visitor else { return try askForLogin(request) }
                guard !visitor.actor.roles.isEmpty else { throw Self.noRole(visitor.actor) }
            }
            var request = request
            try await checkSource(&request, &context, origin)
            response = try await next(request, context)
        } catch {
            response = FaultPages.answer(error, request, context, looks, logger)
        }
        response.headers[.gatewatchIdentity] = context.visitor.map { visitor in
            // A field's value has visible ASCII only; the log's own escapes are for the rest.
            String(visitor.actor.identity.unicodeScalars.filter { $0.value > 0x20 && $0.value < 0x7F })
        }
        return response
    }

    private func isOpen(_ request: Request) -> Bool {
        let path = request.uri.path
        return Self.open.contains { $0.hasSuffix("/") ? path.hasPrefix($0) : path == $0 }
    }

    private static func noRole(_ actor: Actor) -> WebFault {
        let groups = actor.groups.isEmpty ? "no group" : "the groups \(actor.groups.prefix(20).joined(separator: ", "))"
        return WebFault(
            .forbidden, code: "no_role",
            "You are logged in as \(actor.identity), in \(groups), and none of that has a role here. Ask whoever runs Gatewatch "
                + "to give one of your groups a role, then log in again.")
    }

    /// Another name for this server is another place for cookies: somebody's name that leads here must not be one.
    private func checkTarget(_ request: Request, _ origin: WebOrigin) throws {
        guard request.uri.string.utf8.count <= settings.limits.targetBytes else {
            throw WebFault(.uriTooLong, code: "too_large", "The address is longer than the hub reads.")
        }
        guard request.head.authority?.lowercased() == origin.authority else {
            throw WebFault(.misdirectedRequest, code: "misdirected", "The console is at \(origin.text).")
        }
    }

    private func visitor(_ request: Request, _ origin: WebOrigin) async throws -> Visitor? {
        if let header = request.headers[.authorization] {
            guard request.headers[values: .authorization].count == 1, header.lowercased().hasPrefix("bearer "),
                let actor = try await tokens(String(header.dropFirst(7)))
            else {
                throw WebFault(
                    .unauthorized, code: "unauthenticated", "The API token is unknown, revoked or over.",
                    headers: [.wwwAuthenticate: "Bearer realm=\"gatewatch\", error=\"invalid_token\""])
            }
            return Visitor(actor: actor)
        }
        let isUse = request.headers[.live] == nil
        guard let id = request.cookie(origin.sessionCookie),
            let session = try await sessions.session(id, isUse: isUse, now: now())
        else { return nil }
        return Visitor(actor: session.person.actor(settings), session: session)
    }

    private func askForLogin(_ request: Request) throws -> Response {
        guard request.isSafe, request.wantsPage else {
            guard request.wantsPage else { throw WebFault.unauthenticated }
            throw WebFault(
                .unauthorized, code: "unauthenticated",
                "Your session has ended, so nothing was done. Log in and do it once more.")
        }
        let path = LocalPath.checked(request.uri.string)
        return Response(
            status: .found, headers: [.location: path == "/" ? "/login" : "/login?return=\(LocalPath.escaped(path))"])
    }

    /// A form of another site must not act in our visitor's name.
    private func checkSource(_ request: inout Request, _ context: inout WebContext, _ origin: WebOrigin) async throws {
        guard !request.isSafe else { return }
        // A bearer token is nothing that a browser adds by itself.
        guard context.visitor?.session != nil || context.visitor == nil else { return }
        let fault = WebFault(
            .forbidden, code: "cross_site",
            "This did not come from a page of the console, so nothing was done. Open the page anew and try again.")
        switch (request.headers[.secFetchSite], request.headers[.origin]) {
        case ("same-origin"?, let sent) where sent == nil || sent == origin.text: break
        case (nil, origin.text?): break
        default: throw fault
        }
        guard let session = context.visitor?.session else { return }
        if request.uri.path.hasPrefix("/api/") {
            guard let sent = request.headers[.csrfToken], session.accepts(csrf: sent) else { throw fault }
            return
        }
        let type = request.headers[.contentType]?.prefix { $0 != ";" }.lowercased()
        guard type == "application/x-www-form-urlencoded" else {
            throw WebFault(.unsupportedMediaType, code: "media_type", "The console reads forms only.")
        }
        let body = try await request.body.collect(upTo: settings.limits.formBytes)
        guard let text = body.getString(at: body.readerIndex, length: body.readableBytes) else { throw fault }
        let form = try FormFields(text, limits: settings.limits)
        guard let sent = form["csrf"], session.accepts(csrf: sent) else { throw fault }
        context.form = form
    }
}

extension HTTPField.Name {
    static let secFetchSite = HTTPField.Name("Sec-Fetch-Site") ?? .origin
    /// A page that is open brings itself up to date.
    static let live = HTTPField.Name("X-Gatewatch-Live") ?? .origin
    /// For scripts of our own pages at the API.
    static let csrfToken = HTTPField.Name("X-CSRF-Token") ?? .origin
}
