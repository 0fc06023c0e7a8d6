// SPDX-License-Identifier: Apache-2.0

import Foundation
import Signing
import Testing
import YAMLDocument

@Suite struct KeyTests {
    static let pem = """
        -----BEGIN PRIVATE KEY-----
        MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
        -----END PRIVATE KEY-----
        """

    @Test func `a PEM file as openssl writes it is the same key as its seed`() throws {
        #expect(try SigningKey(name: "a", text: Self.pem).publicText == VerificationTests.publicKey)
    }

    @Test(arguments: [
        "", "ed25519:", "ed25519:AAAA", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "ed25519:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "ed25519:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gIQ==",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        pem.replacingOccurrences(of: "K2Vw", with: "K2Vu"),  // X25519
    ])
    func `what is no Ed25519 key is refused without telling it`(text: String) {
        #expect { try SigningKey(name: "a", text: text) } throws: { error in
            error as? KeyError == .notAKey("the key 'a'") && (text.count < 20 || !"\(error)".contains(text))
        }
    }

    @Test(arguments: ["", "a/b", "ä", "a b", "a\"b", String(repeating: "a", count: 65)])
    func `a name that would not fit a Kafka key or a header is refused`(name: String) {
        #expect(throws: KeyError.badName(name)) { try SigningKey.generate(name: name) }
    }

    @Test func `no description shows the secret`() throws {
        let key = try SigningKey.generate(name: "alice")
        let secret = String(key.revealedText.dropFirst("ed25519:".count))
        var dumped = ""
        dump(key, to: &dumped)
        for text in ["\(key)", String(reflecting: key), dumped, "\([key])"] {
            #expect(!text.contains(secret))
            #expect(text.contains("alice"))
        }
    }

    @Test func `a saved key is its owner's alone and never overwritten`() throws {
        try withFolder { folder in
            let key = try SigningKey.generate(name: "alice")
            let path = folder + "/alice.key"
            try key.save(to: path)
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(try SigningKey(name: "alice", reference: "file:" + path).publicText == key.publicText)
            #expect(throws: KeyError.self) { try SigningKey.generate(name: "bob").save(to: path) }
            #expect(try SigningKey(name: "alice", path: path).publicText == key.publicText)
        }
    }

    @Test(arguments: [
        (0o644, false), (0o604, false), (0o601, false), (0o660, false), (0o640, true), (0o440, true), (0o400, true),
    ])
    func `a key file that others may open or the group may change is refused`(mode: Int, isTaken: Bool) throws {
        try withFolder { folder in
            let path = folder + "/k"
            try SigningKey.generate(name: "k").save(to: path)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            if isTaken {
                _ = try SigningKey(name: "k", path: path)
            } else {
                #expect(throws: KeyError.openToOthers(path, mode: UInt32(mode))) {
                    try SigningKey(name: "k", path: path)
                }
            }
        }
    }

    @Test func `a missing file, a folder, a file too large and a value in place of a reference are refused`() throws {
        try withFolder { folder in
            #expect(throws: KeyError.noFile(folder + "/none")) { try SigningKey(name: "k", path: folder + "/none") }
            #expect(throws: KeyError.self) { try SigningKey(name: "k", path: folder) }
            let path = folder + "/large"
            #expect(
                FileManager.default.createFile(
                    atPath: path, contents: Data(count: 20_000), attributes: [.posixPermissions: 0o600]))
            #expect(throws: KeyError.notAKey(path)) { try SigningKey(name: "k", path: path) }
            #expect(throws: KeyError.noReference("k")) { try SigningKey(name: "k", reference: VerificationTests.seed) }
            #expect(throws: KeyError.noVariable("NO")) {
                try SigningKey(name: "k", reference: "env:NO", environment: [:])
            }
            let key = try SigningKey(name: "k", reference: "env:K", environment: ["K": VerificationTests.seed + "\n"])
            #expect(key.publicText == VerificationTests.publicKey)
        }
    }

    // MARK: Trusted keys

    private func trusted(_ yaml: String) throws -> TrustedKeys {
        let documents = try YAMLReader.documents(text: yaml, file: "keys.yml")
        return try TrustedKeys(try #require(documents.first).required("keys"))
    }

    @Test func `a list of keys is read`() throws {
        let a = try SigningKey.generate(name: "a").publicText
        let b = try SigningKey.generate(name: "b").publicText
        let c = try SigningKey.generate(name: "c").publicText
        let d = try SigningKey.generate(name: "d").publicText
        let keys = try trusted(
            """
            keys:
              - { name: detect, role: automation, may: [issue], key: "\(a)" }
              - name: alice-laptop
                role: person
                identity: alice@example.com
                groups: [security]
                may: [issue, lift, approve]
                key: \(b)
              - { name: gateway-1, role: gateway, key: "\(c)" }
              - { name: hub-1, role: hub, may: [approve, lift], key: "\(d)" }
            """)
        #expect(keys["detect"]?.role == .automation)
        #expect(keys["alice-laptop"]?.may == [.issue, .lift, .approve])
        #expect(keys["alice-laptop"]?.groups == ["security"])
        #expect(keys["gateway-1"]?.may == [])
        #expect(keys["hub-1"]?.may == [.approve, .lift])
        #expect(keys["nobody"] == nil)
    }

    static let key = "ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="

    @Test(arguments: [
        ("{ name: a, role: person, key: KEY }", "identity"),
        ("{ name: a, role: persn, identity: a, key: KEY }", "Did you mean 'person'"),
        ("{ name: a, role: person, identity: a, may: [approv], key: KEY }", "Did you mean 'approve'"),
        ("{ name: a, role: automation, may: [approve], key: KEY }", "only persons may approve"),
        ("{ name: a, role: automation, identity: a, key: KEY }", "no person's"),
        ("{ name: a, role: gateway, may: [issue], key: KEY }", "leave out 'may'"),
        ("{ name: a, role: hub, identity: a, may: [issue], key: KEY }", "no person's"),
        ("{ name: a, role: hub, groups: [g], key: KEY }", "no person's"),
        ("{ name: a/b, role: automation, key: KEY }", "cannot be a key's name"),
        ("{ name: a, role: automation, key: KEY, may: [issue], color: red }", "unknown key 'color'"),
        ("{ name: a, role: automation, key: ed25519:AAAA }", "no Ed25519 public key"),
        ("{ name: a, role: automation }", "the key 'key' is missing"),
        ("{ name: a, role: automation, key: KEY }, { name: a, role: gateway, key: KEY }", "named 'a'"),
        ("{ name: a, role: automation, key: KEY }, { name: b, role: gateway, key: KEY }", "are the same key"),
    ])
    func `a list that makes no sense is refused with its place and remedy`(item: String, words: String) throws {
        let yaml = "keys: [\(item.replacingOccurrences(of: "KEY", with: "\"\(Self.key)\""))]"
        #expect { try trusted(yaml) } throws: { error in
            let text = "\(error)"
            return text.hasPrefix("keys.yml:1:") && text.contains(words)
        }
    }

    @Test(arguments: [
        [UInt8](repeating: 0, count: 32), [1] + [UInt8](repeating: 0, count: 31),
        [UInt8](repeating: 0, count: 31) + [0x80], [0xEC] + [UInt8](repeating: 0xFF, count: 30) + [0x7F],
        [0xED] + [UInt8](repeating: 0xFF, count: 31),
    ])
    func `a placeholder key, under which anybody can sign, is refused`(key: [UInt8]) {
        let text = "ed25519:" + Data(key).base64EncodedString()
        #expect(throws: TrustError.notAKey("a")) {
            try TrustedKey(name: "a", role: .automation, may: [.issue], publicText: text)
        }
    }

    @Test func `a file with anything beside its keys is refused`() throws {
        try withFolder { folder in
            let path = folder + "/keys.yml"
            try Data("keys: []\nkey: []\n".utf8).write(to: URL(fileURLWithPath: path))
            #expect(throws: DocumentError.self) { try TrustedKeys(path: path) }
            try Data("keys: []\n".utf8).write(to: URL(fileURLWithPath: path))
            #expect(try TrustedKeys(path: path).keys.isEmpty)
            #expect(throws: DocumentError.self) { try TrustedKeys(path: folder + "/none.yml") }
        }
    }
}
