// SPDX-License-Identifier: Apache-2.0
import Crypto
import Foundation

/// A symmetric key of Standard Webhooks: `whsec_` and the base64 of 24 to 64 random bytes.
package struct WebhookSecret: Sendable, CustomStringConvertible, CustomReflectable {
    /// What a secret's text starts with.
    package static let prefix = "whsec_"
    let key: SymmetricKey

    /// - Throws: ``WebhookSecretError``.
    package init(_ secret: Secret) throws {
        let text = secret.revealed
        guard text.hasPrefix(Self.prefix) else { throw WebhookSecretError.noPrefix }
        guard let bytes = Data(base64Encoded: String(text.dropFirst(Self.prefix.count))) else {
            throw WebhookSecretError.notBase64
        }
        guard (24...64).contains(bytes.count) else { throw WebhookSecretError.wrongLength(bytes.count) }
        key = SymmetricKey(data: bytes)
    }

    /// A new secret from the system's random source, 32 bytes.
    package static func generate() -> Secret {
        let key = SymmetricKey(size: .bits256)
        return Secret(prefix + key.withUnsafeBytes { Data($0) }.base64EncodedString())
    }

    package var description: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// A webhook secret is malformed. The value is never part of the message.
package enum WebhookSecretError: Error, Sendable, Equatable, CustomStringConvertible {
    case noPrefix
    case notBase64
    case wrongLength(Int)

    package var description: String {
        switch self {
        case .noPrefix: "the webhook secret does not start with whsec_: give it as whsec_ and base64"
        case .notBase64: "what follows whsec_ in the webhook secret is not base64: copy it whole, with its padding"
        case .wrongLength(let count):
            "the webhook secret decodes to \(count) bytes; it must be 24 to 64: make one with"
                + " `echo whsec_$(openssl rand -base64 32)`"
        }
    }
}

/// Signing and verifying by Standard Webhooks 1.0.0 (https://www.standardwebhooks.com), scheme `v1`: HMAC-SHA256 over
/// `id.timestamp.body`.
package struct StandardWebhooks: Sendable {
    /// The three headers' names.
    package enum Header {
        package static let id = "webhook-id"
        package static let timestamp = "webhook-timestamp"
        package static let signature = "webhook-signature"
    }

    /// How far a timestamp may be from the verifier's clock, in seconds.
    package static let toleranceSeconds: Int64 = 300
    /// Signatures that a verifier looks at; a header from outside may hold any number.
    private static let maximumSignatures = 32

    private let secrets: [WebhookSecret]

    /// Several secrets while one is rotated out: each signs, and any verifies.
    package init(secrets: [WebhookSecret]) {
        self.secrets = secrets
    }

    /// The headers of one attempt. `timestampSeconds` (since the epoch) is the attempt's own time.
    package func headers(id: String, timestampSeconds: Int64, body: [UInt8]) -> [(name: String, value: String)] {
        let content = Self.content(id, String(timestampSeconds), body)
        let signatures = secrets.map { secret in
            "v1," + Data(HMAC<SHA256>.authenticationCode(for: content, using: secret.key)).base64EncodedString()
        }
        return [
            (Header.id, id), (Header.timestamp, String(timestampSeconds)),
            (Header.signature, signatures.joined(separator: " ")),
        ]
    }

    /// Checks what arrived, as a receiver does. Comparison takes the same time for every wrong signature.
    ///
    /// - Throws: ``WebhookVerificationError``.
    package func verify(
        id: String, timestamp: String, signature: String, body: [UInt8], nowSeconds: Int64,
        toleranceSeconds: Int64 = StandardWebhooks.toleranceSeconds
    ) throws(WebhookVerificationError) {
        guard !id.isEmpty else { throw .noID }
        guard !timestamp.isEmpty, timestamp.utf8.count <= 12,
            timestamp.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains), let sent = Int64(timestamp)
        else { throw .badTimestamp }
        guard sent >= nowSeconds - toleranceSeconds else { throw .tooOld(seconds: nowSeconds - sent) }
        guard sent <= nowSeconds + toleranceSeconds else { throw .tooNew(seconds: sent - nowSeconds) }
        let content = Self.content(id, timestamp, body)
        var isValid = false
        for part in signature.split(separator: " ").prefix(Self.maximumSignatures) where part.hasPrefix("v1,") {
            guard let code = Data(base64Encoded: String(part.dropFirst(3))) else { continue }
            for secret in secrets
            where HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: content, using: secret.key) {
                isValid = true
            }
        }
        guard isValid else { throw .noMatch }
    }

    private static func content(_ id: String, _ timestamp: String, _ body: [UInt8]) -> Data {
        var content = Data("\(id).\(timestamp).".utf8)
        content.append(contentsOf: body)
        return content
    }
}

/// Why a received webhook is not accepted.
package enum WebhookVerificationError: Error, Sendable, Equatable, CustomStringConvertible {
    case noID
    case badTimestamp
    case tooOld(seconds: Int64)
    case tooNew(seconds: Int64)
    case noMatch

    package var description: String {
        switch self {
        case .noID: "the header webhook-id is missing"
        case .badTimestamp: "the header webhook-timestamp is not a number of seconds since the epoch"
        case .tooOld(let seconds): "the webhook was signed \(seconds) s ago, which is too old: is it a replay?"
        case .tooNew(let seconds): "the webhook is signed \(seconds) s in the future: compare the two clocks"
        case .noMatch: "no signature in webhook-signature matches: compare the secrets of both sides"
        }
    }
}
