// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation

/// A record whose signature was checked.
package struct VerifiedRecord: Sendable {
    /// What was signed.
    package let payload: [UInt8]
    /// Whose signature it is.
    package let key: TrustedKey
}

extension TrustedKeys {
    /// Checks a JWS in Compact Serialization (RFC 7515, section 5.2): at most 64 KiB, base64url in its one form, a header
    /// with `alg` `EdDSA`, `kid` and `typ` and nothing else, a known key, and its signature (RFC 8037, section 3.1).
    package func verify(_ compact: [UInt8], type: RecordType) throws(SignatureError) -> VerifiedRecord {
        guard compact.count <= Self.maximumBytes else { throw .tooLarge(bytes: compact.count) }
        let parts = compact.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3 else {
            throw .malformed("it does not consist of three parts with dots between them")
        }
        guard let head = Base64URL.decode(parts[0]), let payload = Base64URL.decode(parts[1]),
            let signature = Base64URL.decode(parts[2])
        else { throw .malformed("a part is not base64url without padding") }
        guard signature.count == 64 else { throw .malformed("the signature has \(signature.count) bytes, not 64") }
        let header: [String: String]
        do {
            header = try RecordJSON.decode([String: String].self, from: head)
        } catch {
            throw .wrongHeader(error.description)
        }
        guard header.count == 3, let algorithm = header["alg"], let name = header["kid"], let found = header["typ"]
        else { throw .wrongHeader("it must have the members alg, kid and typ and no other") }
        guard algorithm == "EdDSA" else { throw .wrongHeader("alg is '\(algorithm.prefix(80))', not EdDSA") }
        guard found == type.rawValue else { throw .wrongType(expected: type, found: String(found.prefix(80))) }
        guard let key = self[name] else { throw .unknownKey(String(name.prefix(80))) }
        let signed = compact[..<(compact.count - parts[2].count - 1)]
        guard key.key.isValidSignature(signature, for: signed) else { throw .badSignature(key: key.name) }
        return VerifiedRecord(payload: payload, key: key)
    }
}

/// Why a record is not believed.
package enum SignatureError: Error, Sendable, Equatable, CustomStringConvertible {
    case tooLarge(bytes: Int)
    case malformed(String)
    case wrongHeader(String)
    case wrongType(expected: RecordType, found: String)
    case unknownKey(String)
    case badSignature(key: String)

    /// One word for a metric or an audit event.
    package var code: String {
        switch self {
        case .tooLarge: "too_large"
        case .malformed: "malformed"
        case .wrongHeader: "wrong_header"
        case .wrongType: "wrong_type"
        case .unknownKey: "unknown_key"
        case .badSignature: "bad_signature"
        }
    }

    package var description: String {
        switch self {
        case .tooLarge(let bytes): "the record has \(bytes) bytes; at most \(TrustedKeys.maximumBytes) are taken"
        case .malformed(let what): "the record is no signed record: \(what)"
        case .wrongHeader(let what): "the record's header is not as it must be: \(what)"
        case .wrongType(let expected, let found): "the record is a '\(found)', not a '\(expected.rawValue)'"
        case .unknownKey(let name):
            "the record is signed by '\(name)', which is not a trusted key: add it to the list of keys, or find out who"
                + " writes to the topic"
        case .badSignature(let name):
            "the record's signature is not that of the key '\(name)': somebody else wrote it, or it was changed"
        }
    }
}
