// SPDX-License-Identifier: Apache-2.0

import API
import ArgumentParser
import AsyncHTTPClient
import Console
import Desk
import Hub
import Logging
import Metrics
import ServiceLifecycle
import Web

/// The hub's console: the desk, the pages and the API, and the server around them.
struct HubConsole: Service {
    let server: WebServer
    private let client: HTTPClient

    init(
        hub: HubService, settings: WebSettings, desk: Desk.Settings, reports: ReportPages? = nil, logger: Logger,
        metrics: any MetricsFactory = MetricsSystem.factory,
        onListening: @escaping @Sendable (WebOrigin) -> Void
    ) throws {
        let desk = try Desk(hub: hub, settings: desk, logger: logger)
        let console = try Console(desk: desk, reports: reports, logger: logger)
        var report: API.Report?
        if let reports {
            report = { week, isNamed, actor in try await reports.make(week, .json, isNamed, actor).bytes }
        }
        let api = API(desk: desk, version: Gatewatch.configuration.version, report: report)
        client = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: .init(redirectConfiguration: .disallow))
        server = try WebServer(
            settings: settings, database: hub.database, httpClient: client, looks: console, logger: logger,
            metrics: metrics, tokens: { try await desk.authenticate(token: $0) },
            loggedIn: { try await desk.loggedIn($0) }, onListening: onListening,
            routes: [
                { router, _ in api.add(to: router) },
                { router, sessions in console.add(to: router, sessions: sessions) },
            ])
    }

    func run() async throws {
        do {
            try await server.run()
        } catch {
            try? await client.shutdown()
            throw error
        }
        try await client.shutdown()
    }
}
