// SPDX-License-Identifier: Apache-2.0

package import AsyncHTTPClient
import Foundation
package import GRDB
import HTTPTypes
package import Hummingbird
import HummingbirdCore
import HummingbirdTLS
package import Logging
package import Metrics
import NIOCore
import NIOHTTPTypes
import NIOPosix
import OIDC
import ServiceLifecycle
import Synchronization
package import Telemetry

/// The hub's HTTP server: logins, sessions, limits, and whatever routes the console and the API add. HTTP/1.1, with
/// a certificate of its own, behind a proxy that has one, or on loopback.
package struct WebServer: Service {
    /// Adds routes; all of them are behind the gate. The sessions are for streams that must end with one.
    package typealias Routes = @Sendable (Router<WebContext>, SessionStore) -> Void

    private let sessions: SessionStore
    private let settings: WebSettings
    private let party: RelyingParty
    private let origin: OriginBox
    private let tokens: TokenLookup
    private let loggedIn: LoginHook
    private let looks: any WebLooks
    private let routes: [Routes]
    private let logger: Logger
    private let metrics: any MetricsFactory
    private let now: @Sendable () -> Int64
    private let onListening: @Sendable (WebOrigin) -> Void

    /// Checks the settings and creates the tables; nothing listens before ``run()``.
    ///
    /// - Parameters:
    ///   - database: the hub's.
    ///   - httpClient: for the provider; the caller shuts it down after the server's end. It should not follow redirects.
    ///   - tokens: whose an API token is.
    ///   - loggedIn: told of each login before its session begins.
    ///   - now: ms since the epoch.
    ///   - onListening: called once with the address when connections are accepted.
    /// - Throws: ``WebSettingsError``, `IssuerSettingsError`, SQLite's error.
    package init(
        settings: WebSettings, database: any DatabaseWriter, httpClient: HTTPClient, looks: any WebLooks,
        logger: Logger, metrics: any MetricsFactory = MetricsSystem.factory,
        now: @escaping @Sendable () -> Int64 = { RFC3339.nowMilliseconds() },
        tokens: @escaping TokenLookup = { _ in nil }, loggedIn: @escaping LoginHook = { _ in },
        onListening: @escaping @Sendable (WebOrigin) -> Void = { _ in }, routes: [Routes]
    ) throws {
        self.settings = settings
        origin = OriginBox(try settings.url.map { try WebOrigin($0) })
        if settings.url == nil, !WebOrigin.isLoopback(settings.host) {
            throw WebSettingsError(
                description:
                    "the console listens on \(settings.host) and has no url: write how browsers reach it, such as https://gatewatch.example.com"
            )
        }
        if settings.tls != nil, settings.url?.hasPrefix("http://") == true {
            throw WebSettingsError(
                description:
                    "the console has a certificate, and its url begins with http: write https, or leave url out")
        }
        try WebSchema.migrate(database)
        sessions = SessionStore(
            database: database, idle: settings.idle, absolute: settings.absolute, limits: settings.limits)
        party = try RelyingParty(
            settings: settings.login, secret: settings.clientSecret, httpClient: httpClient, logger: logger, now: now)
        self.tokens = tokens
        self.loggedIn = loggedIn
        self.looks = looks
        self.routes = routes
        self.logger = logger
        self.metrics = metrics
        self.now = now
        self.onListening = onListening
    }

    /// Serves until graceful shutdown (inside a `ServiceGroup`) or until the task is cancelled.
    ///
    /// - Throws: ``WebServerError`` when the address cannot be bound.
    package func run() async throws {
        let router = Router(context: WebContext.self, options: .autoGenerateHeadEndpoints)
        let isSecure = settings.url?.hasPrefix("https") ?? (settings.tls != nil)
        router.add(middleware: ClientAddress(proxies: settings.trustedProxies))
        router.add(middleware: AccessLog(logger: logger, metrics: metrics))
        router.add(middleware: SecurityHeaders(isSecure: isSecure))
        router.add(middleware: FaultPages(looks: looks, logger: logger))
        router.add(
            middleware: Gate(
                settings: settings, sessions: sessions, origin: origin, tokens: tokens, looks: looks, logger: logger,
                now: now))
        LoginRoutes(
            party: party, sessions: sessions, settings: settings, origin: origin, looks: looks, logger: logger,
            now: now,
            loggedIn: loggedIn
        ).add(to: router)
        for add in routes { add(router, sessions) }
        var quiet = logger
        // Hummingbird reports every start and stop; our own callback does that.
        quiet.logLevel = max(quiet.logLevel, .warning)
        let plain = HTTPServerBuilder.http1(
            configuration: .init(
                idleTimeout: .seconds(60),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: settings.limits.headerBytes, maxHeaderListSize: settings.limits.headerBytes,
                    maxHeaderFieldCount: settings.limits.headerFields)))
        let application = Application(
            router: router,
            server: try settings.tls.map { try HTTPServerBuilder.tls(plain, tlsConfiguration: $0) } ?? plain,
            configuration: .init(
                address: .hostname(settings.host, port: settings.port),
                availableConnectionsDelegate: .maximum(settings.limits.connections, logger: quiet)),
            onServerRunning: { [origin, settings, onListening, logger] channel in
                let port = channel.localAddress?.port ?? settings.port
                do {
                    onListening(
                        try origin.settle("\(settings.tls == nil ? "http" : "https")://\(settings.host):\(port)"))
                } catch {
                    logger.error("the console has no address", metadata: ["error": "\(error)"])
                }
            }, logger: quiet)
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { [party] in await party.run() }
                group.addTask { try await application.run() }
                defer { group.cancelAll() }
                // The keys are kept fresh until cancelled, so this is the server's end, unless both were cancelled.
                try await group.next()
                if !Task.isCancelled, !Task.isShuttingDownGracefully { try await group.next() }
            }
        } catch let error as IOError {
            throw WebServerError(host: settings.host, port: settings.port, reason: error.description)
        } catch is CancellationError {
            // Cancelled is stopped.
        }
    }

    /// Looks whether an address can be bound now, before much else is begun.
    ///
    /// - Throws: ``WebServerError``.
    package static func checkAddress(host: String, port: Int) async throws {
        do {
            let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: host, port: port).get()
            try await channel.close()
        } catch let error as IOError {
            throw WebServerError(host: host, port: port, reason: error.description)
        }
    }

    /// How it stands with the provider: without its keys nobody can log in, who is logged in stays so.
    package func health() -> [HealthReport.Check] {
        let issuer = party.health
        return [
            HealthReport.Check(
                "login", healthy: issuer.isUsable,
                detail: issuer.isUsable
                    ? "" : "the identity provider's keys are not there: \(issuer.lastError ?? "not fetched yet")",
                isRequired: false)
        ]
    }
}

/// The console's origin, known at the latest when it listens.
final class OriginBox: Sendable {
    private let box: Mutex<WebOrigin?>

    init(_ origin: WebOrigin?) { box = Mutex(origin) }

    var value: WebOrigin {
        get throws {
            guard let origin = box.withLock({ $0 }) else {
                throw WebFault(.serviceUnavailable, code: "starting", "The hub is starting. Try again in a moment.")
            }
            return origin
        }
    }

    /// The one that was configured, else the one given.
    func settle(_ url: String) throws -> WebOrigin {
        let found = try WebOrigin(url)
        return box.withLock { origin in
            let settled = origin ?? found
            origin = settled
            return settled
        }
    }
}

/// The console's port could not be opened.
package struct WebServerError: Error, Sendable, CustomStringConvertible {
    package let host: String
    package let port: Int
    /// What the system said.
    package let reason: String

    package var description: String {
        "the console cannot listen on \(host):\(port): \(reason). Choose another hub.console.listen, or port 0 for any."
    }
}
