import JSONText
// SPDX-License-Identifier: Apache-2.0
import JWTKit
import Signing

/// A public key of an issuer, bound to one algorithm.
struct VerificationKey: Sendable {
    let id: String
    let algorithm: SigningAlgorithm
    /// Tells whether two keys are the same: algorithm and public parts.
    let material: String
    private let verifier: any JWTAlgorithm

    /// RSA moduli, in bits: shorter ones can be factored, longer ones cost too much to check.
    private static let modulusBits = 2048...16_384

    /// Why a key of a JWKS is left out.
    struct Unusable: Error {
        /// The rest of a sentence that begins with "the key".
        let reason: String
        /// True if an operator should hear of it.
        var isAlarming = false
    }

    /// Reads one JWK (RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2).
    ///
    /// Only public members are handed to JWTKit, and always with the algorithm: it would otherwise take the one of the
    /// first token that it sees.
    init(_ jwk: [String: JSONValue], allowed: [SigningAlgorithm]) async throws {
        guard let id = jwk["kid"]?.text, !id.isEmpty else { throw Unusable(reason: "has no kid") }
        guard let keyType = jwk["kty"]?.text, allowed.contains(where: { $0.keyType == keyType }) else {
            throw Unusable(reason: "is of a kty that no allowed algorithm uses")
        }
        if let use = jwk["use"], use.text != "sig" { throw Unusable(reason: "is not for signatures") }
        if let operations = jwk["key_ops"], operations.list?.contains(.text("verify")) != true {
            throw Unusable(reason: "is not for verifying")
        }
        if ["d", "p", "q", "k"].contains(where: { jwk[$0] != nil }) {
            throw Unusable(reason: "is published with its private part, so anyone may sign with it", isAlarming: true)
        }
        let curve = jwk["crv"]?.text
        let algorithm: SigningAlgorithm
        if let name = jwk["alg"] {
            guard let named = name.text.flatMap(SigningAlgorithm.init(rawValue:)), allowed.contains(named) else {
                throw Unusable(reason: "is for an algorithm that is not allowed")
            }
            guard named.keyType == keyType else { throw Unusable(reason: "is for an algorithm of another kty") }
            algorithm = named
        } else {
            guard let bound = SigningAlgorithm.bound(keyType: keyType, curve: curve, allowed: allowed) else {
                throw Unusable(reason: "is of a curve that no allowed algorithm uses")
            }
            algorithm = bound
        }
        guard algorithm.curve == nil || algorithm.curve == curve else {
            throw Unusable(reason: "is of another curve than its algorithm")
        }
        let identifier = JWKIdentifier(string: id)
        let key: JWK
        switch algorithm {
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512:
            let (modulus, exponent) = try Self.rsaParts(jwk)
            key = .rsa(algorithm.jwk, identifier: identifier, modulus: modulus, exponent: exponent)
            material = "\(algorithm.rawValue) \(modulus) \(exponent)"
        case .es256, .es384, .es512:
            let length = algorithm == .es256 ? 32 : algorithm == .es384 ? 48 : 66
            let x = try Self.coordinate(jwk["x"], length)
            let y = try Self.coordinate(jwk["y"], length)
            key = .ecdsa(
                algorithm.jwk, identifier: identifier, x: x, y: y, curve: curve.flatMap(ECDSACurve.init(rawValue:)))
            material = "\(algorithm.rawValue) \(x) \(y)"
        case .eddsa:
            let x = try Self.coordinate(jwk["x"], 32)
            key = .octetKeyPair(algorithm.jwk, identifier: identifier, x: x, y: nil, curve: .ed25519)
            material = "\(algorithm.rawValue) \(x)"
        }
        self.id = id
        self.algorithm = algorithm
        // A collection for each key: one that holds several answers an unknown kid with the first of them.
        verifier = try await JWTKeyCollection().add(jwk: key).getKey(for: identifier, alg: algorithm.rawValue)
    }

    private static func rsaParts(_ jwk: [String: JSONValue]) throws -> (modulus: String, exponent: String) {
        guard let modulus = jwk["n"]?.text, let bytes = Base64URL.decode(modulus.utf8),
            let exponent = jwk["e"]?.text, let exponentBytes = Base64URL.decode(exponent.utf8)
        else { throw Unusable(reason: "has no n and e in base64url") }
        let significant = bytes.drop { $0 == 0 }
        let bits = significant.count * 8 - (significant.first?.leadingZeroBitCount ?? 0)
        guard modulusBits.contains(bits) else {
            throw Unusable(
                reason: "has \(bits) bits, not \(modulusBits.lowerBound) to \(modulusBits.upperBound)", isAlarming: true
            )
        }
        guard exponentBytes.count <= 4, let last = exponentBytes.last, last & 1 == 1, exponentBytes != [1] else {
            throw Unusable(reason: "has a public exponent that is not odd, 3 or more, and of 4 bytes at most")
        }
        return (modulus, exponent)
    }

    private static func coordinate(_ value: JSONValue?, _ length: Int) throws -> String {
        guard let text = value?.text, let bytes = Base64URL.decode(text.utf8), bytes.count == length else {
            throw Unusable(reason: "has a coordinate that is not \(length) bytes in base64url")
        }
        return text
    }

    /// True if the signature is this key's over the bytes. JWTKit throws on a signature of the wrong form, which is
    /// no other than a wrong one.
    func verifies(_ signature: [UInt8], of bytes: ArraySlice<UInt8>) -> Bool {
        (try? verifier.verify(signature, signs: bytes)) ?? false
    }
}
