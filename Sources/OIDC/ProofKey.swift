// SPDX-License-Identifier: Apache-2.0
import Crypto
import Signing

/// Proof Key for Code Exchange (RFC 7636): who redeems a code must be who asked for it.
package enum ProofKey {
    /// The S256 challenge of a verifier (section 4.2).
    package static func challenge(of verifier: String) -> String {
        String(decoding: Base64URL.encode(Array(SHA256.hash(data: Array(verifier.utf8)))), as: UTF8.self)
    }

    /// 32 bytes of the system's randomness as base64url: a verifier, a state, a nonce.
    package static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        return String(decoding: Base64URL.encode(bytes), as: UTF8.self)
    }
}
