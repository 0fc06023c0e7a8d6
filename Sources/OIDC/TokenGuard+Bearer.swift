// SPDX-License-Identifier: Apache-2.0

extension TokenGuard {
    /// Bytes of a token, at most.
    package static let maximumTokenBytes = 16 * 1024

    /// The bearer token in the one value of the `Authorization` field (RFC 6750 section 2.1); nil stands for a request
    /// without the field. A request with two such fields is the caller's to refuse.
    ///
    /// Reasons of a refusal: `missing` (no field, or another scheme), `malformed`, `too_long`.
    package static func bearer(authorizationHeader value: String?) -> Result<String, TokenRefusal> {
        guard let value else { return refuse(.missing, "the request has no Authorization header") }
        let bytes = value.utf8
        let scheme = bytes.prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
        // Field values and the scheme are compared without case (RFC 9110 section 11.1).
        guard scheme.count == 6, zip(scheme, "bearer".utf8).allSatisfy({ $0 | 0x20 == $1 }) else {
            return refuse(.missing, "the Authorization header has another scheme than Bearer")
        }
        let token = bytes[scheme.endIndex...].drop { $0 == UInt8(ascii: " ") }
        guard !token.isEmpty else { return refuse(.malformed, "the Authorization header has no token after Bearer") }
        guard token.count <= maximumTokenBytes else {
            return refuse(.tooLong, "the token has \(token.count) bytes; at most \(maximumTokenBytes) are accepted")
        }
        let padding = token.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard padding < token.count, token.dropLast(padding).allSatisfy(isTokenByte) else {
            return refuse(.malformed, "the Authorization header has more than one token of the bearer alphabet")
        }
        return .success(String(Substring(token)))
    }

    /// The alphabet of `b64token`, without the padding.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"), UInt8(ascii: "+"), UInt8(ascii: "/"):
            true
        default: false
        }
    }

    private static func refuse(_ reason: TokenRefusal.Reason, _ detail: String) -> Result<String, TokenRefusal> {
        .failure(TokenRefusal(reason, detail))
    }
}
