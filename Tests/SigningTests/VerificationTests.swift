// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import Signing
import Testing

@Suite struct VerificationTests {
    /// Made with PyJWT 2 and pyca/cryptography from the seed 00 01 … 1f.
    static let seed = "ed25519:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    static let publicKey = "ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
    static let compact =
        "eyJhbGciOiJFZERTQSIsImtpZCI6ImFsaWNlIiwidHlwIjoiZ2F0ZXdhdGNoLWxpZnQranNvbiJ9.eyJoZWxsbyI6IndvcmxkIn0"
        + ".z3v7rYq_5bo6bxih-aWyQxZyVwK_0wm46vs7vZdI2KEf7dD_7ltYAyvk7HVnMe6SzqZ9EuJYCS-VQ82SasFVBw"

    static func trusted() throws -> TrustedKeys {
        try TrustedKeys([
            try TrustedKey(
                name: "alice", role: .person, identity: "alice@example.com", may: [.lift], publicText: publicKey)
        ])
    }

    @Test func `what another implementation of JWS signs is verified`() throws {
        let verified = try Self.trusted().verify(bytes(Self.compact), type: .lift)
        #expect(verified.payload == bytes(#"{"hello":"world"}"#))
        #expect(verified.key.identity == "alice@example.com")
    }

    @Test func `the same seed signs the same bytes as another implementation`() throws {
        let key = try SigningKey(name: "alice", text: Self.seed)
        #expect(key.publicText == Self.publicKey)
        let compact = try key.sign(bytes(#"{"hello":"world"}"#), type: .lift)
        #expect(String(decoding: compact, as: UTF8.self) == Self.compact)
    }

    @Test(arguments: RecordType.allCases) func `a record of one kind does not pass for another`(type: RecordType) throws
    {
        let person = try Person()
        let record = try person.key.sign(bytes("{}"), type: type)
        #expect(try person.trusted.verify(record, type: type).payload == bytes("{}"))
        for other in RecordType.allCases where other != type {
            #expect(throws: SignatureError.wrongType(expected: other, found: type.rawValue)) {
                try person.trusted.verify(record, type: other)
            }
        }
    }

    @Test func `a key of the same name that is not the trusted one is refused`() throws {
        let person = try Person()
        let impostor = try SigningKey.generate(name: "alice")
        let record = try impostor.sign(bytes("{}"), type: .order)
        #expect(throws: SignatureError.badSignature(key: "alice")) {
            try person.trusted.verify(record, type: .order)
        }
    }

    @Test func `a key that nobody trusts is named`() throws {
        let person = try Person()
        let record = try SigningKey.generate(name: "mallory").sign(bytes("{}"), type: .order)
        #expect(throws: SignatureError.unknownKey("mallory")) { try person.trusted.verify(record, type: .order) }
    }

    @Test func `every change of one byte is refused`() throws {
        let trusted = try Self.trusted()
        let good = bytes(Self.compact)
        for position in good.indices {
            for change in [UInt8(1), 0x20, 0x80] {
                var changed = good
                changed[position] ^= change
                #expect(throws: SignatureError.self) { try trusted.verify(changed, type: .lift) }
            }
        }
    }

    @Test func `a signature with spare bits, padding or white space is refused`() throws {
        let trusted = try Self.trusted()
        // 64 bytes end in two significant bits: of the sixteen spellings of the last character one is right.
        let last = Self.compact.dropLast()
        for character in ["x", "y", "z"] {
            #expect(throws: SignatureError.self) { try trusted.verify(bytes(last + character), type: .lift) }
        }
        for text in [Self.compact + "=", Self.compact + "\n", " " + Self.compact, Self.compact + "."] {
            #expect(throws: SignatureError.self) { try trusted.verify(bytes(text), type: .lift) }
        }
    }

    @Test(arguments: ["", ".", "..", "...", "a.b", "e30.e30.", "e30.e30.e30", "🙂.🙂.🙂"])
    func `what has no three parts or no signature is malformed`(text: String) throws {
        #expect {
            try Self.trusted().verify(bytes(text), type: .lift)
        } throws: { error in
            (error as? SignatureError)?.code == "malformed"
        }
    }

    @Test func `a record over 64 KiB is not looked at, and not made`() throws {
        let person = try Person()
        let compact = [UInt8](repeating: UInt8(ascii: "a"), count: TrustedKeys.maximumBytes + 1)
        #expect(throws: SignatureError.tooLarge(bytes: 65_537)) {
            try person.trusted.verify(compact, type: .order)
        }
        let payload = [UInt8](repeating: UInt8(ascii: " "), count: 50_000)
        #expect { try person.key.sign(payload, type: .order) } throws: { error in
            (error as? SignatureError)?.code == "too_large"
        }
    }

    @Test(arguments: [
        #"{"alg":"none","kid":"alice","typ":"gatewatch-order+json"}"#,
        #"{"alg":"HS256","kid":"alice","typ":"gatewatch-order+json"}"#,
        #"{"alg":"eddsa","kid":"alice","typ":"gatewatch-order+json"}"#,
        #"{"alg":"EdDSA","kid":"alice"}"#,
        #"{"alg":"EdDSA","typ":"gatewatch-order+json"}"#,
        #"{"kid":"alice","typ":"gatewatch-order+json"}"#,
        #"{"alg":"EdDSA","kid":"alice","typ":"gatewatch-order+json","crit":"b64"}"#,
        #"{"alg":"EdDSA","kid":"alice","typ":"gatewatch-order+json","jwk":{"kty":"OKP"}}"#,
        #"{"alg":"EdDSA","alg":"EdDSA","kid":"alice","typ":"gatewatch-order+json"}"#,
        #"{"alg":"EdDSA","kid":"bob","kid":"alice","typ":"gatewatch-order+json"}"#,
        #"{"alg":"EdDSA","\u006bid":"alice","typ":"gatewatch-order+json"}"#,
        #"{"alg":"EdDSA","kid":null,"typ":"gatewatch-order+json"}"#,
        #"{"alg":["EdDSA"],"kid":"alice","typ":"gatewatch-order+json"}"#,
        #"["alg","kid","typ"]"#, #""EdDSA""#, "", "{",
        #"{"alg":"EdDSA","kid":"alice","typ":"gatewatch-order+json"} {}"#,
    ])
    func `a header with other members or another algorithm is refused though the signature is right`(
        header: String
    ) throws {
        let secret = Curve25519.Signing.PrivateKey()
        let key = "ed25519:" + secret.publicKey.rawRepresentation.base64EncodedString()
        let trusted = try TrustedKeys([
            try TrustedKey(name: "alice", role: .automation, may: [.issue], publicText: key)
        ])
        let input = base64URL(bytes(header)) + "." + base64URL(bytes("{}"))
        let signature = try secret.signature(for: Data(input.utf8))
        let compact = bytes(input + "." + base64URL(Array(signature)))
        #expect {
            try trusted.verify(compact, type: .order)
        } throws: { error in
            (error as? SignatureError)?.code == "wrong_header"
        }
    }

    @Test func `members of the header may stand in any order`() throws {
        let secret = Curve25519.Signing.PrivateKey()
        let key = "ed25519:" + secret.publicKey.rawRepresentation.base64EncodedString()
        let trusted = try TrustedKeys([
            try TrustedKey(name: "alice", role: .automation, may: [.issue], publicText: key)
        ])
        let header = #"{ "typ": "gatewatch-order+json", "kid": "alice", "alg": "EdDSA" }"#
        let input = base64URL(bytes(header)) + "." + base64URL(bytes("{}"))
        let signature = try secret.signature(for: Data(input.utf8))
        let compact = bytes(input + "." + base64URL(Array(signature)))
        #expect(try trusted.verify(compact, type: .order).key.name == "alice")
    }
}
