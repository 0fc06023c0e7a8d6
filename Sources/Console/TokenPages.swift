// SPDX-License-Identifier: Apache-2.0

import Desk
import HTTPTypes
import Hummingbird
import Incidents
import Paging
import Web

extension Console {
    struct TokensPage: Sendable {
        struct Row: Sendable {
            let id: String
            let name: String
            let owner: String
            let roles: String
            let state: StateText
            let isActive: Bool
            let made: TimeText
            let ends: TimeText
            let used: TimeText?
        }

        let secret: String?
        let tokens: [Row]
        let pager: Pager?
        let roles: [String]
    }

    /// `/tokens`: those who may make them see all.
    func addTokens(to router: Router<WebContext>) {
        router.get("tokens") { request, context in try await tokens(request, context) }
        router.post("tokens") { request, context in
            let form = try context.form ?? FormFields("")
            do {
                guard let lifetime = form["lifetime"].flatMap({ Int64($0) }) else {
                    throw WebFault.invalid("lifetime", "Say for how long.")
                }
                let made = try await desk.createToken(
                    name: try form.required("name", "what it is for"),
                    roles: Set(form.all("role").compactMap(Role.init)),
                    lifetime: lifetime, by: try context.actor)
                // Not sent on to another page: the secret is in this answer alone.
                return try await tokens(request, context, secret: made.secret)
            } catch let error as DeskError {
                if case .forbidden = error { throw error }
                return try await tokens(request, context, notice: .bad(WebFault(error)), status: WebFault(error).status)
            } catch let fault as WebFault where fault.status == .unprocessableContent {
                return try await tokens(request, context, notice: .bad(fault), status: fault.status)
            }
        }
        router.post("tokens/:id/revoke") { request, context in
            let id = try context.part("id")
            return try await act(
                done: "revoked", next: "/tokens",
                again: { notice, status in try await tokens(request, context, notice: notice, status: status) }
            ) { _ = try await desk.revokeToken(id, by: try context.actor) }
        }
    }

    private func tokens(
        _ request: Request, _ context: WebContext, secret: String? = nil, notice: Notice? = nil,
        status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        let actor = try context.actor
        let cursor = try request.query()["cursor"]
        let now = now()
        let found = try await desk.tokens(after: cursor, limit: 100, for: actor)
        return try await page(
            "API tokens", "tokens",
            TokensPage(
                secret: secret,
                tokens: found.items.map { token in
                    let state = token.state(at: now)
                    return TokensPage.Row(
                        id: token.id, name: token.name, owner: token.owner,
                        roles: token.roles.sorted().map(\.rawValue).joined(separator: ", "),
                        state: StateText(state.rawValue), isActive: state == .active,
                        made: TimeText(token.createdAt, now: now), ends: TimeText(token.expiresAt, now: now),
                        used: token.lastUsedAt.map { TimeText($0, now: now) })
                }, pager: Pager(path: "/tokens", query: [], cursor: cursor, next: found.next),
                roles: actor.roles.sorted().map(\.rawValue)), request, context, notice: notice, status: status)
    }
}
