// SPDX-License-Identifier: Apache-2.0

import Crypto
package import Desk
import Foundation
import HTTPTypes
import Hub
package import Hummingbird
import Incidents
package import Logging
import Paging
import Telemetry
package import Web

/// The pages. Each is made on the server from what the desk says, and works without a script.
package struct Console: Sendable {
    let desk: Desk
    let templates: Templates
    let assets: Assets
    let logger: Logger
    let changes: Changes
    let reports: ReportPages?
    let rules: RuleNames
    /// ms since the epoch, UTC.
    let now: @Sendable () -> Int64

    /// - Parameter reports: what makes the weekly report; nil where there is none.
    /// - Throws: where a template is wrong.
    package init(
        desk: Desk, reports: ReportPages? = nil, logger: Logger,
        now: @escaping @Sendable () -> Int64 = { RFC3339.nowMilliseconds() }
    ) throws {
        self.desk = desk
        self.logger = logger
        self.now = now
        templates = try Templates()
        self.reports = reports
        rules = RuleNames(desk.settings.detectors)
        assets = Assets(css: reports?.css ?? "")
        changes = Changes(database: desk.hub.database, logger: logger)
    }

    /// Adds the pages.
    ///
    /// - Parameter sessions: a stream of changes ends with its session.
    package func add(to router: Router<WebContext>, sessions: SessionStore) {
        assets.add(to: router)
        addOverview(to: router)
        addIncidents(to: router)
        addIdentities(to: router)
        addApprovals(to: router)
        addOrders(to: router)
        addDetectors(to: router)
        addDeliveries(to: router)
        addSilences(to: router)
        addRecordings(to: router)
        addReport(to: router)
        addEvidence(to: router)
        addTokens(to: router)
        addEvents(to: router, sessions: sessions)
    }

    /// A page.
    ///
    /// - Parameters:
    ///   - template: its name.
    ///   - page: its values.
    func page(
        _ title: String, _ template: String, _ page: any Sendable, _ request: Request, _ context: WebContext,
        notice: Notice? = nil, status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        let actor = try context.actor
        let now = now()
        let pending = try await desk.controls(.approval, states: ["pending"], limit: 100, for: actor).items
            .count { $0.until > now }
        let shown = try notice ?? Notice(done: request.query()["done"])
        return .page(
            html(
                title, template, page, context,
                nav: Layout.nav(path: request.uri.path, actor: actor, pending: pending), notice: shown),
            status: status)
    }

    func html(
        _ title: String, _ template: String, _ page: any Sendable, _ context: WebContext, nav: [Layout.NavGroup],
        notice: Notice? = nil
    ) -> String {
        let actor = context.visitor?.actor
        let csrf = context.visitor?.session?.csrf
        let body = templates.render(
            template, Frame(csrf: csrf, me: actor?.identity, can: Frame.Can(actor), page: page))
        let person = actor.map { actor in
            Layout.Person(
                name: actor.name,
                roles: actor.roles.isEmpty ? "no role" : actor.roles.sorted().map(\.rawValue).joined(separator: ", "),
                csrf: csrf ?? "", nav: nav)
        }
        return templates.render(
            "layout",
            Layout(
                title: title, version: assets.version, person: person, notice: notice,
                now: TimeText(now(), now: now()), body: body))
    }

    /// Does what a form asks, then sends the browser on; where it cannot be done, shows the page again with the reason.
    ///
    /// - Parameters:
    ///   - next: the path to go to; `?done=` is added.
    ///   - again: the page that the form stands on.
    func act(
        done: String, next: String, again: (Notice, HTTPResponse.Status) async throws -> Response,
        _ action: () async throws -> Void
    ) async throws -> Response {
        do {
            try await action()
        } catch let error as DeskError {
            if case .forbidden = error { throw error }
            let fault = WebFault(error)
            return try await again(.bad(fault), fault.status)
        } catch let fault as WebFault where fault.status == .unprocessableContent {
            return try await again(.bad(fault), fault.status)
        }
        return .seeOther(next + (next.contains("?") ? "&" : "?") + "done=\(done)")
    }
}

extension Console: WebLooks {
    private struct FaultPage: Sendable {
        let status: Int
        let heading: String
        let detail: String
        let login: Bool
        let home: Bool
    }

    private static let headings: [String: String] = [
        "unauthenticated": "Log in", "forbidden": "You may not do this", "no_role": "You have no role here",
        "unknown": "Not found", "internal": "Something is broken", "login": "The login did not work",
        "cross_site": "Refused", "too_many": "Too many attempts", "conflict": "Somebody was faster",
        "refused": "This cannot be done", "invalid": "Not understood", "unavailable": "Not now",
        "misdirected": "This is another address", "too_large": "Too long", "media_type": "Not a form",
    ]

    package func page(fault: WebFault, context: WebContext) -> String {
        let actor = context.visitor?.actor
        let hasRole = actor?.roles.isEmpty == false
        let heading = Self.headings[fault.code] ?? fault.title
        return html(
            heading, "fault",
            FaultPage(
                status: fault.status.code, heading: heading, detail: fault.detail, login: actor == nil, home: hasRole),
            context, nav: hasRole ? actor.map { Layout.nav(path: "", actor: $0, pending: 0) } ?? [] : [])
    }

    private struct LogoutPage: Sendable {
        let issuer: String?
    }

    package func loggedOut(issuerURL: String?, context: WebContext) -> String {
        html("Logged out", "logout", LogoutPage(issuer: issuerURL), context, nav: [])
    }

    package func askLogout(context: WebContext) -> String {
        html("Log out", "logout", LogoutPage(issuer: nil), context, nav: [])
    }
}
