// SPDX-License-Identifier: Apache-2.0
import JWTKit

/// The signature algorithms that an issuer may be allowed to use (RFC 7518 section 3.1, RFC 8037 section 3.1).
///
/// `none` and the HMAC family are not here, so no allow-list can name them.
enum SigningAlgorithm: String, Sendable, Hashable, CaseIterable {
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case eddsa = "EdDSA"

    /// The `kty` of its keys (RFC 7518 section 6.1, RFC 8037 section 2).
    var keyType: String {
        switch self {
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: "RSA"
        case .es256, .es384, .es512: "EC"
        case .eddsa: "OKP"
        }
    }

    /// The one `crv` of its keys; nil for RSA.
    var curve: String? {
        switch self {
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: nil
        case .es256: "P-256"
        case .es384: "P-384"
        case .es512: "P-521"
        case .eddsa: "Ed25519"
        }
    }

    /// The same in JWTKit's terms.
    var jwk: JWK.Algorithm {
        switch self {
        case .rs256: .rs256
        case .rs384: .rs384
        case .rs512: .rs512
        case .ps256: .ps256
        case .ps384: .ps384
        case .ps512: .ps512
        case .es256: .es256
        case .es384: .es384
        case .es512: .es512
        case .eddsa: .eddsa
        }
    }

    /// The one algorithm of a key that names none, out of those that its issuer is allowed: an EC or OKP key's curve
    /// decides; an RSA key is for the first RS\* of the list, else for the first PS\*.
    ///
    /// A key is never left open, because whoever sends the first token would then choose for it.
    static func bound(keyType: String, curve: String?, allowed: [SigningAlgorithm]) -> SigningAlgorithm? {
        guard keyType == "RSA" else {
            return allowed.first { $0.keyType == keyType && $0.curve != nil && $0.curve == curve }
        }
        return allowed.first { $0.rawValue.hasPrefix("RS") } ?? allowed.first { $0.rawValue.hasPrefix("PS") }
    }
}
