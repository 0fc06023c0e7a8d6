// SPDX-License-Identifier: Apache-2.0

import JSONText
import Signing

/// A token in compact serialization (RFC 7515 section 7.1), read before anything in it is believed and before JWTKit
/// sees any of it. Creating one reads as far as the issuer's name.
struct UnverifiedToken {
    let algorithm: SigningAlgorithm
    let keyID: String
    let type: String?
    let claims: [String: JSONValue]
    /// `iss`.
    let issuer: String
    /// The first two parts with the dot between them, as they came.
    let signedBytes: ArraySlice<UInt8>
    private let signatureText: ArraySlice<UInt8>

    /// What two readers may understand differently is refused (RFC 7515 section 4, RFC 7519 section 4).
    static let rules = JSONValue.Rules(maximumDepth: 31, maximumNumberBytes: 64)
    /// Bytes of a key's name, at most.
    private static let maximumKeyIDBytes = 256

    /// The `sub` claimed by a token that was refused before it had a reader.
    static func claimedSubject(_ token: [UInt8]) -> String? {
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard token.count <= TokenGuard.maximumTokenBytes, parts.count == 3,
            let payload = try? object(parts[1], "payload")
        else { return nil }
        return payload["sub"]?.text
    }

    init(_ token: [UInt8]) throws(TokenFault) {
        guard token.count <= TokenGuard.maximumTokenBytes else {
            throw TokenFault(
                .tooLong, "the token has \(token.count) bytes; at most \(TokenGuard.maximumTokenBytes) are accepted")
        }
        let parts = token.split(separator: UInt8(ascii: "."), maxSplits: 5, omittingEmptySubsequences: false)
        guard parts.count == 3 else {
            let encrypted = parts.count == 5 ? ", as an encrypted one has, which is not supported" : ""
            throw TokenFault(.malformed, "the token does not have 3 parts\(encrypted)")
        }
        let header = try Self.object(parts[0], "header")
        // Extensions that must be understood (RFC 7515 section 4.1.11); none is. b64 is one (RFC 7797).
        for name in ["crit", "b64"] where header[name] != nil {
            throw TokenFault(.criticalHeader, "the token's header has \(name), which is not supported")
        }
        guard let name = header["alg"]?.text else {
            throw TokenFault(.malformed, "the token's header has no alg")
        }
        guard let algorithm = SigningAlgorithm(rawValue: name) else {
            throw TokenFault(.algorithm, "the token's algorithm \(SafeText.shown(name)) is never accepted")
        }
        if let type = header["typ"], type.text == nil {
            throw TokenFault(.malformed, "the token's header has a typ that is not text")
        }
        // jku, jwk, x5u and x5c say where a key is: keys come from the issuer alone, so they are not read.
        guard let keyID = header["kid"]?.text, !keyID.isEmpty, keyID.utf8.count <= Self.maximumKeyIDBytes else {
            throw TokenFault(.unknownKey, "the token's header has no kid, or not a usable one, so no key can be chosen")
        }
        self.algorithm = algorithm
        self.keyID = keyID
        type = header["typ"]?.text
        claims = try Self.object(parts[1], "payload")
        guard let issuer = claims["iss"]?.text else {
            throw TokenFault(.unknownIssuer, "the token has no iss, so no issuer can be asked for keys")
        }
        self.issuer = issuer
        signedBytes = token[parts[0].startIndex..<parts[1].endIndex]
        signatureText = parts[2]
    }

    /// The signature's bytes, or nil if they are not base64url.
    var signature: [UInt8]? {
        guard let bytes = Base64URL.decode(signatureText), !bytes.isEmpty else { return nil }
        return bytes
    }

    private static func object(_ part: ArraySlice<UInt8>, _ name: String) throws(TokenFault) -> [String: JSONValue] {
        guard let bytes = Base64URL.decode(part) else {
            throw TokenFault(.malformed, "the token's \(name) is not base64url")
        }
        let value: JSONValue
        do {
            value = try JSONValue(bytes, rules: rules)
        } catch {
            let reason = SafeText.shown(error.reason, maximumBytes: 200)
            throw TokenFault(.malformed, "the token's \(name) cannot be read: \(reason)")
        }
        guard let object = value.members else {
            throw TokenFault(.malformed, "the token's \(name) is not a JSON object")
        }
        return object
    }
}
