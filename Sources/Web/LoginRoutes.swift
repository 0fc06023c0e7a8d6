// SPDX-License-Identifier: Apache-2.0

import Desk
import HTTPTypes
import Hummingbird
import Logging
import OIDC

/// `/login`, `/callback`, `/logout`.
struct LoginRoutes: Sendable {
    let party: RelyingParty
    let sessions: SessionStore
    let settings: WebSettings
    let origin: OriginBox
    let looks: any WebLooks
    let logger: Logger
    let now: @Sendable () -> Int64
    let loggedIn: LoginHook
    private let pace: LoginPace

    init(
        party: RelyingParty, sessions: SessionStore, settings: WebSettings, origin: OriginBox, looks: any WebLooks,
        logger: Logger, now: @escaping @Sendable () -> Int64, loggedIn: @escaping LoginHook
    ) {
        self.party = party
        self.sessions = sessions
        self.settings = settings
        self.origin = origin
        self.looks = looks
        self.logger = logger
        self.now = now
        self.loggedIn = loggedIn
        pace = LoginPace(limits: settings.limits)
    }

    func add(to router: Router<WebContext>) {
        router.get("login") { request, context in try await login(request, context) }
        router.get("callback") { request, context in try await callback(request, context) }
        router.get("logout") { _, context in
            if context.visitor != nil { return Response.page(looks.askLogout(context: context)) }
            let origin = try origin.value
            let url = await party.endSessionURL(returningTo: origin.text + "/")
            return Response.page(looks.loggedOut(issuerURL: url, context: context))
        }
        router.post("logout") { _, context in try await logout(context) }
    }

    private func login(_ request: Request, _ context: WebContext) async throws -> Response {
        let now = now()
        guard pace.allows(context.address, now: now) else {
            throw WebFault(
                .tooManyRequests, code: "too_many", "Too many logins were begun. Wait a minute and try again.",
                headers: [.retryAfter: "60"])
        }
        let origin = try origin.value
        let (state, browser) = (ProofKey.random(), ProofKey.random())
        let open = SessionStore.OpenLogin(
            nonce: ProofKey.random(), verifier: ProofKey.random(),
            returnTo: LocalPath.checked(try request.query()["return"]))
        let url = try await told {
            () async throws(LoginError) in
            try await party.authorizationURL(
                state: state, nonce: open.nonce, verifier: open.verifier, redirectURI: origin.text + "/callback")
        }
        try await sessions.open(open, state: state, browser: browser, now: now)
        return Response(
            status: .found,
            headers: [
                .location: url,
                .setCookie: origin.cookie(
                    origin.loginCookie, browser, seconds: Int(settings.limits.loginMilliseconds / 1000)),
            ])
    }

    private func callback(_ request: Request, _ context: WebContext) async throws -> Response {
        let origin = try origin.value
        let answer = try request.query()
        guard let state = answer["state"], let browser = request.cookie(origin.loginCookie),
            let open = try await sessions.take(state: state, browser: browser, now: now())
        else {
            throw WebFault(
                .badRequest, code: "login",
                "This login is over, or began in another browser. Begin again with Log in.")
        }
        guard let code = answer["code"] else {
            let reason = answer["error_description"] ?? answer["error"] ?? "no reason was given"
            throw WebFault(
                .forbidden, code: "login", "Your identity provider did not log you in: \(reason.prefix(300)).")
        }
        let principal = try await told {
            () async throws(LoginError) in
            try await party.redeem(
                code: code, issuer: answer["iss"], verifier: open.verifier, nonce: open.nonce,
                redirectURI: origin.text + "/callback")
        }
        let identity = principal.identity
        let person = SessionStore.Person(
            identity: identity, name: principal.name ?? identity,
            aliases: [principal.subject, principal.email].compactMap { $0 }.filter { $0 != identity },
            groups: principal.groups)
        try await loggedIn(person.actor(settings))
        let id = try await sessions.begin(
            person, replacing: request.cookie(origin.sessionCookie), address: context.address,
            userAgent: request.headers[.userAgent] ?? "", now: now())
        logger.notice(
            "somebody logged in", metadata: ["identity": "\(identity)", "address": "\(context.address)"])
        var response = Response(status: .seeOther, headers: [.location: open.returnTo])
        response.headers.append(HTTPField(name: .setCookie, value: origin.cookie(origin.sessionCookie, id)))
        response.headers.append(HTTPField(name: .setCookie, value: origin.cookie(origin.loginCookie, "", seconds: 0)))
        return response
    }

    private func logout(_ context: WebContext) async throws -> Response {
        if let visitor = context.visitor, let session = visitor.session {
            try await sessions.end(session)
            logger.notice("somebody logged out", metadata: ["identity": "\(visitor.actor.identity)"])
        }
        let origin = try origin.value
        var response = Response.seeOther("/logout")
        response.headers.append(HTTPField(name: .setCookie, value: origin.cookie(origin.sessionCookie, "", seconds: 0)))
        if let name = HTTPField.Name("Clear-Site-Data") { response.headers[name] = "\"cache\", \"storage\"" }
        return response
    }

    /// What failed at the provider, as a page; the log has it in any case.
    private func told<Value>(_ step: () async throws(LoginError) -> Value) async throws -> Value {
        do {
            return try await step()
        } catch {
            logger.warning("a login failed", metadata: ["error": "\(error)"])
            switch error {
            case .refused(let reason):
                throw WebFault(.forbidden, code: "login", "The login was not accepted: \(reason).")
            case .unavailable(let reason):
                throw WebFault(
                    .serviceUnavailable, code: "login",
                    "The identity provider cannot be reached, so nobody can log in now: \(reason).")
            }
        }
    }
}

extension WebOrigin {
    /// The value of `Set-Cookie`.
    ///
    /// - Parameter seconds: how long it is kept; nil until the browser ends, 0 to delete it.
    func cookie(_ name: String, _ value: String, seconds: Int? = nil) -> String {
        var text = "\(name)=\(value); Path=/; HttpOnly; SameSite=Lax"
        if isSecure { text += "; Secure" }
        if let seconds { text += "; Max-Age=\(seconds)" }
        return text
    }
}
