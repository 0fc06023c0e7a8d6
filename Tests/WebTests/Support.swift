// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Desk
import Foundation
import GRDB
import Hummingbird
import LocalServices
import Logging
import OIDC
import Synchronization
import Testing
import Web

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A clock that starts now, because the local issuer's tokens do, and that the test moves, ms.
final class MovedClock: Sendable {
    private let ahead = Atomic<Int64>(0)
    var now: Int64 { Int64(Date().timeIntervalSince1970 * 1000) + ahead.load(ordering: .relaxed) }
    func advance(_ milliseconds: Int64) { ahead.add(milliseconds, ordering: .relaxed) }
}

/// The least that a page can be.
struct PlainLooks: WebLooks {
    func page(fault: WebFault, context: WebContext) -> String {
        "\(fault.status.code) \(fault.code): \(fault.detail)"
    }
    func loggedOut(issuerURL: String?, context: WebContext) -> String { "logged out" }
    func askLogout(context: WebContext) -> String { form(context) }
    func form(_ context: WebContext) -> String {
        #"<input name="csrf" value="\#(context.visitor?.session?.csrf ?? "")">"#
    }
}

/// A server and a provider on loopback, with a file for a database.
struct WebStage {
    static let people = [
        LocalPerson(subject: "u-ana", email: "ana@example.com", name: "Ana", groups: ["soc", "lead"]),
        LocalPerson(subject: "u-ben", email: "ben@example.com", name: "Ben", groups: ["soc"]),
        LocalPerson(subject: "u-cleo", email: "cleo@example.com", name: "Cleo", groups: ["sales"]),
    ]

    let base: String
    let client: HTTPClient
    let clock: MovedClock
    let database: any DatabaseWriter
    var browser: LocalBrowser { LocalBrowser(base: base, client: client) }

    /// Runs a test with a server that answers `/` with who asks, `/echo` with its form, and takes down everything after it.
    static func with(
        change: @Sendable (inout WebSettings) -> Void = { _ in },
        _ body: @escaping @Sendable (WebStage) async throws -> Void
    ) async throws {
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: .init(redirectConfiguration: .disallow))
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gatewatch-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        do {
            try await run(client, folder, change, body)
        } catch {
            try await client.shutdown()
            throw error
        }
        try await client.shutdown()
    }

    private static func run(
        _ client: HTTPClient, _ folder: URL, _ change: (inout WebSettings) -> Void,
        _ body: @escaping @Sendable (WebStage) async throws -> Void
    ) async throws {
        let clock = MovedClock()
        let database = try DatabasePool(path: folder.appendingPathComponent("hub.sqlite").path)
        let (issuerPorts, issuerFound) = AsyncStream<Int>.makeStream()
        let (origins, originFound) = AsyncStream<WebOrigin>.makeStream()
        let issuer = LocalIssuer(people: people, logger: quiet) { issuerFound.yield($0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await issuer.run() }
            let port = try #require(await issuerPorts.first { _ in true })
            var settings = WebSettings(
                port: 0,
                login: RelyingPartySettings(
                    issuer: IssuerSettings(
                        issuer: LocalIssuer.url(port: port), audiences: [], algorithms: ["ES256"]),
                    clientID: LocalIssuer.clientID), clientSecret: LocalIssuer.clientSecret,
                roles: [.analyst: ["soc"], .approver: ["lead"]])
            change(&settings)
            let looks = PlainLooks()
            let server = try WebServer(
                settings: settings, database: database, httpClient: client, looks: looks, logger: quiet,
                now: { clock.now },
                tokens: { token in
                    token == "gwt_good" ? Actor(identity: "robot", roles: [.viewer], via: .token("1")) : nil
                },
                onListening: { originFound.yield($0) },
                routes: [
                    { router, _ in
                        router.get("/") { _, context in
                            let actor = try context.actor
                            let roles = actor.roles.sorted().map(\.rawValue).joined(separator: ",")
                            return Response.page("\(actor.identity) [\(roles)] " + looks.form(context))
                        }
                        router.get("thing/:name") { _, context in Response.page("<\(try context.part("name"))>") }
                        router.get("broken") { _, _ -> Response in throw CancellationError() }
                        router.get("approver") { _, context in
                            try context.require(.decideApprovals)
                            return Response.page("welcome")
                        }
                        router.post("echo") { _, context in Response.page(context.form?["word"] ?? "-") }
                        router.post("api/v1/echo") { _, context in Response.page(try context.actor.identity) }
                    }
                ])
            group.addTask { try await server.run() }
            let origin = try #require(await origins.first { _ in true })
            group.addTask {
                try await body(WebStage(base: origin.text, client: client, clock: clock, database: database))
                throw Done()
            }
            do {
                while try await group.next() != nil {}
            } catch is Done {}
            group.cancelAll()
        }
    }

    private struct Done: Error {}
}
