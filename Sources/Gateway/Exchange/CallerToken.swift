// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import OIDC

/// Where clients put a token. `Authorization: Bearer` is the rule (RFC 6750 §2.1); the clients of some services only know a
/// header of their own, and S3 clients need `Authorization` for their signature.
enum CallerToken {
    /// Headers whose whole value is the token.
    static let ownHeaders = ["x-gatewatch-token", "api-key", "x-chroma-token"]

    /// The one token of a request. Two are refused: which of them speaks for the caller would not be certain.
    static func find(in headers: HTTPHeaders) -> Result<String, TokenRefusal> {
        let authorization = headers["authorization"]
        var found: String?
        for name in ownHeaders {
            for value in headers[name] {
                guard found == nil else { return several }
                found = value
            }
        }
        if let found {
            let isBearer = authorization.contains { $0.lowercased().hasPrefix("bearer ") }
            return isBearer ? several : TokenGuard.bearer(authorizationHeader: "Bearer \(found)")
        }
        guard authorization.count <= 1 else { return several }
        return TokenGuard.bearer(authorizationHeader: authorization.first)
    }

    private static let several = Result<String, TokenRefusal>.failure(
        TokenRefusal(.malformed, "the request carries more than one token"))
}
