// SPDX-License-Identifier: Apache-2.0

import JSONText

extension TokenGuard {
    /// The verdict on an ID token that a client received (OpenID Connect Core 1.0 section 3.1.3.7). It is not remembered: a
    /// login happens once.
    ///
    /// - Parameters:
    ///   - client: our client id, which must be in `aud`, and be `azp` where that is given or `aud` names others too.
    ///   - nonce: what was sent with the request for this login.
    func verify(idToken token: String, client: String, nonce: String) async -> Result<Principal, TokenRefusal> {
        do {
            return try await judge(idToken: token, client: client, nonce: nonce)
        } catch {
            return .failure(TokenRefusal(error.reason, error.detail))
        }
    }

    private func judge(
        idToken token: String, client: String, nonce: String
    ) async throws(TokenFault) -> Result<Principal, TokenRefusal> {
        let unverified = try UnverifiedToken(Array(token.utf8))
        // An access token of the same issuer and audience is no proof of a login (RFC 9068 section 5).
        if let type = unverified.type?.lowercased(), type.hasSuffix("at+jwt") {
            throw TokenFault(.type, "the token is an access token, not an ID token")
        }
        let verified = try await verified(unverified, TokenDigest(token)).token
        let claims = unverified.claims
        guard let named = claims["nonce"]?.text, named.utf8.elementsEqual(nonce.utf8) else {
            throw TokenFault(.claim, "the token's nonce is not the one of this login")
        }
        let party = claims["azp"]
        let hasSeveralAudiences = (claims["aud"]?.list?.count ?? 1) > 1
        if party != nil || hasSeveralAudiences, party?.text?.utf8.elementsEqual(client.utf8) != true {
            throw TokenFault(.audience, "the token was issued to another client (azp)")
        }
        return verified.verdict(at: now())
    }
}
