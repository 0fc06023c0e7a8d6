// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Foundation
import Kafka
import Logging
import Signing
import YAMLDocument

/// What commands about orders and approvals need: Kafka, and whose signatures count.
struct ControlOptions: ParsableArguments {
    @OptionGroup var kafka: KafkaOptions

    @Option(help: "File of the trusted keys (YAML), before the gateway.trusted_keys of the file.")
    var trustedKeys: String?

    func trusted() throws -> TrustedKeys {
        let file = try kafka.file()
        guard let path = try trustedKeys ?? file.gateway?["trusted_keys"]?.text() else {
            throw ValidationError("Whose signatures count? Give --trusted-keys, or --config with gateway.trusted_keys.")
        }
        return try TrustedKeys(path: path)
    }

    /// Who is who, as the gateway knows it: an order on `bob` is one on `bob@example.com`.
    func directory() throws -> IdentityDirectory? {
        try kafka.file().gateway?["identities"].map { try IdentityDirectory(path: $0.text()) }
    }

    func aliases() throws -> IdentityAliases {
        IdentityAliases((try directory()?.entries ?? []).map { [$0.uid] + $0.aliases })
    }

    func topic(_ key: String, default name: String) throws -> String {
        try kafka.file().gateway?[key]?.text() ?? name
    }

    /// Every record of a topic, in the order of each partition.
    func records(of topic: String) throws -> [(key: String, value: [UInt8]?)] {
        let reader = try KafkaTopicReader(
            properties: kafka.properties(kafka.file()), topics: [topic],
            logger: Logger(label: "gatewatch") { _ in
                SwiftLogNoOpLogHandler()
            })
        defer { reader.close() }
        var records: [(key: String, value: [UInt8]?)] = []
        let deadline = ContinuousClock.now + .seconds(30)
        while !reader.isCaughtUp {
            _ = try reader.poll(maxRecords: 10_000, timeoutMilliseconds: 200) { record in
                records.append(
                    (record.key.map { String(decoding: $0, as: UTF8.self) } ?? "", record.payload.map { Array($0) }))
            }
            guard ContinuousClock.now < deadline else {
                throw Unreachable(topic: topic, reason: reader.lastError.map { "\($0)" } ?? "the topic is not there")
            }
        }
        return records
    }

    struct Unreachable: Error, CustomStringConvertible {
        let topic: String
        let reason: String
        var description: String { "the topic \(topic) cannot be read to its end within 30 s: \(reason)" }
    }

    /// Sends a signed record and waits until Kafka has it.
    func publish(_ record: SignedRecord, to topic: String) async throws {
        let properties = try KafkaProperties(["linger.ms": "0", "message.timeout.ms": "30000"]).merging(
            kafka.properties(kafka.file()))
        let producer = try KafkaProducer(
            properties: properties, logger: Logger(label: "gatewatch") { _ in SwiftLogNoOpLogHandler() })
        defer { producer.close() }
        _ = try await producer.send(topic: topic, key: Array(record.key.utf8), payload: record.value)
    }

    static var now: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }
}

/// The key of the person who acts.
struct SignerOptions: ParsableArguments {
    @Option(name: .customLong("as"), help: "The name of your key among the trusted keys.")
    var name: String

    @Option(help: "Your private key: file:PATH or env:NAME; see 'gatewatch keys generate'.")
    var key: String

    /// The key and the identity of its holder.
    func signer(_ trusted: TrustedKeys, may permission: TrustedKey.Permission) throws -> (
        key: SigningKey, identity: String
    ) {
        let signing: SigningKey
        do {
            signing = try SigningKey(name: name, reference: key)
        } catch {
            throw ValidationError("--key: \(error)")
        }
        guard let known = trusted[name], known.publicText == signing.publicText else {
            throw ValidationError("--as \(name): the trusted keys have no such key, or another one of that name.")
        }
        guard known.role == .person, let identity = known.identity, known.may.contains(permission) else {
            throw ValidationError("--as \(name): this key may not \(permission.rawValue); see the trusted keys.")
        }
        return (signing, identity)
    }
}

struct Keys: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Makes the keys that sign orders and approvals.",
        subcommands: [Generate.self])

    struct Generate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Makes an Ed25519 key: the private part into a file, the public part as a line for the trusted keys.",
            discussion: """
                gatewatch keys generate alice --out alice.key --identity alice@example.com --group security
                gatewatch keys generate hub-1 --role hub --may issue --may lift --may approve --out hub-1.key
                """)

        @Argument(help: "The key's name: letters, digits, '.', '_', '-'.")
        var name: String
        @Option(help: "Where the private key goes; must not exist.")
        var out: String
        @Option(help: "person, automation (detect), gateway or hub.")
        var role = "person"
        @Option(help: "The person's identity, for a key of a person.")
        var identity: String?

        @Option(help: "A group of the person, as policies name approvers; may be given several times.")
        var group: [String] = []

        @Option(
            help: ArgumentHelp(
                "issue, lift or approve; may be given several times. A person may all, automation issue, a hub nothing.",
                discussion:
                    "A hub signs for who logs in there, each with their roles: whoever has that key is everybody."))
        var may: [String] = []

        func run() throws {
            guard let role = TrustedKey.Role(rawValue: role) else {
                throw ValidationError("--role \(role): write person, automation, gateway or hub.")
            }
            guard role != .person || identity != nil else {
                throw ValidationError("A person's key needs --identity, such as alice@example.com.")
            }
            guard role == .person || identity == nil && group.isEmpty else {
                throw ValidationError("--identity and --group are for keys of persons.")
            }
            guard !FileManager.default.fileExists(atPath: out) else {
                throw ValidationError("\(out) exists. A key is never written over another.")
            }
            let key = try SigningKey.generate(name: name)
            let given = try may.map { text in
                guard let permission = TrustedKey.Permission(rawValue: text) else {
                    throw ValidationError("--may \(text): write issue, lift or approve.")
                }
                return permission
            }
            let may: Set<TrustedKey.Permission> =
                switch role {
                case _ where !given.isEmpty: Set(given)
                case .person: [.issue, .lift, .approve]
                case .automation: [.issue]
                case .gateway, .hub: []
                }
            // Says what is wrong with the name or the identity before anything is written.
            _ = try TrustedKey(
                name: name, role: role, identity: identity, groups: group, may: may, publicText: key.publicText)
            try key.save(to: out)
            var line = "  - { name: \(name), role: \(role.rawValue)"
            if let identity { line += ", identity: \"\(identity)\"" }
            if !group.isEmpty { line += ", groups: [\(group.joined(separator: ", "))]" }
            if !may.isEmpty { line += ", may: [\(may.map(\.rawValue).sorted().joined(separator: ", "))]" }
            Terminal.print(line + ", key: \"\(key.publicText)\" }")
            Terminal.error("the private key is in \(out); the line above goes under 'keys:' of the trusted keys")
        }
    }
}
