// SPDX-License-Identifier: Apache-2.0

import Incidents
package import Paging

/// API tokens; see ``APITokenStore``.
extension Desk {
    package func loggedIn(_ actor: Actor) async throws { try await tokenStore.loggedIn(actor) }

    package func authenticate(token: String) async throws -> Actor? {
        try await tokenStore.authenticate(token: token)
    }

    package func createToken(
        name: String, roles: Set<Role>, lifetime: Int64 = APIToken.defaultLifetime, owner: String? = nil,
        by actor: Actor
    ) async throws -> (token: APIToken, secret: String) {
        try await tokenStore.create(name: name, roles: roles, lifetime: lifetime, owner: owner, by: actor)
    }

    package func tokens(after cursor: String? = nil, limit: Int = 100, for actor: Actor) async throws -> Page<APIToken>
    {
        try await tokenStore.list(after: cursor, limit: limit, for: actor)
    }

    package func revokeToken(_ id: String, by actor: Actor) async throws -> APIToken {
        try await tokenStore.revoke(id, by: actor)
    }
}
