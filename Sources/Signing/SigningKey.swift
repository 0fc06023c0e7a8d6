// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation

/// A private Ed25519 key (RFC 8032) with the name under which gateways know its public half. No log, error or debugger
/// line shows the secret.
package struct SigningKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The `kid` of what it signs: letters, digits, `.`, `_`, `-`, at most 64.
    package let name: String
    private let key: Curve25519.Signing.PrivateKey

    private init(name: String, key: Curve25519.Signing.PrivateKey) throws(KeyError) {
        guard Self.isName(name) else { throw .badName(name) }
        self.name = name
        self.key = key
    }

    /// A key from its text: `ed25519:` and the base64 of the 32-byte seed, or PEM of PKCS #8 as
    /// `openssl genpkey -algorithm ed25519` writes it.
    package init(name: String, text: String) throws(KeyError) {
        try self.init(name: name, text: text, source: "the key '\(name)'")
    }

    /// A key as a configuration names it: `file:PATH` or `env:NAME`.
    package init(
        name: String, reference: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(KeyError) {
        if reference.hasPrefix("file:") {
            try self.init(name: name, path: String(reference.dropFirst(5)))
        } else if reference.hasPrefix("env:") {
            let variable = String(reference.dropFirst(4))
            guard let text = environment[variable], !text.isEmpty else { throw .noVariable(variable) }
            try self.init(name: name, text: text, source: "the environment variable \(variable)")
        } else {
            throw .noReference(name)
        }
    }

    /// A key from its file. Refused when anybody but the owner and the group may open it, or the group may change it.
    package init(name: String, path: String) throws(KeyError) {
        try self.init(name: name, text: try KeyFile.read(path), source: path)
    }

    private init(name: String, text: String, source: String) throws(KeyError) {
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard let seed = Ed25519Text.bytes(text) ?? Ed25519Text.seed(pem: text) else { throw .notAKey(source) }
        do {
            try self.init(name: name, key: try Curve25519.Signing.PrivateKey(rawRepresentation: seed))
        } catch let error as KeyError {
            throw error
        } catch {
            throw .notAKey(source)
        }
    }

    /// A new key from the system's random source.
    package static func generate(name: String) throws(KeyError) -> SigningKey {
        try SigningKey(name: name, key: Curve25519.Signing.PrivateKey())
    }

    /// The public half, `ed25519:` and base64: what goes into the list of trusted keys.
    package var publicText: String { Ed25519Text.text(key.publicKey.rawRepresentation) }

    /// The secret, `ed25519:` and base64 of the seed: only to be written into a file of its own (see ``save(to:)``).
    package var revealedText: String { Ed25519Text.text(key.rawRepresentation) }

    /// Writes the secret into a new file that only its owner can read. An existing file is never overwritten.
    package func save(to path: String) throws(KeyError) {
        try KeyFile.write(revealedText + "\n", to: path)
    }

    /// Signs a payload as JWS Compact Serialization (RFC 7515, section 7.1; `EdDSA`, RFC 8037).
    ///
    /// - Throws: ``SignatureError/tooLarge(bytes:)``.
    package func sign(_ payload: [UInt8], type: RecordType) throws(SignatureError) -> [UInt8] {
        // Names and types need no escape in JSON.
        let header = #"{"alg":"EdDSA","kid":"\#(name)","typ":"\#(type.rawValue)"}"#
        let input = Base64URL.encode(header.utf8) + [UInt8(ascii: ".")] + Base64URL.encode(payload)
        let signature: Data
        do {
            signature = try key.signature(for: input)
        } catch {
            throw .malformed("it could not be signed: \(error)")
        }
        let compact = input + [UInt8(ascii: ".")] + Base64URL.encode(signature)
        guard compact.count <= TrustedKeys.maximumBytes else { throw .tooLarge(bytes: compact.count) }
        return compact
    }

    static func isName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    package var description: String { "SigningKey(\(name), <redacted>)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["name": name]) }
}
