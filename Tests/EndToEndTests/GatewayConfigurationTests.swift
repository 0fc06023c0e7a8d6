// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kafka
import Signing
import Testing

extension GatewayEndToEnd {
    /// `gatewatch gateway --check`, and what it says about files that cannot be used.
    @Suite struct GatewayConfigurations {
        @Test func checkReadsEverythingAndServesNothing() async throws {
            try await GatewayStage.with { stage in
                // Kafka away is no fault of the configuration.
                try stage.broker.setDown()
                let result = try await check(stage)
                #expect(result.status == 0, "\(result.errors)")
                #expect(result.output.contains("can be used"))
                #expect(!FileManager.default.fileExists(atPath: stage.stage.path("state")))
            }
        }

        @Test func helpIsFineAndWrongUsageIsExplained() async throws {
            try await Stage.with { stage in
                let help = try await stage.run(["gateway", "--help"])
                #expect(help.status == 0 && help.output.contains("USAGE: gatewatch gateway"))
                for (arguments, status, word) in [
                    (["--no-such-flag"], Int32(2), "--no-such-flag"), ([], 2, "--bootstrap-servers"),
                    (["--config", "nowhere"], 3, "nowhere"),
                    (["--bootstrap-servers", "127.0.0.1:1"], 3, "no section gateway"),
                ] {
                    let result = try await stage.run(["gateway"] + arguments)
                    #expect(result.status == status && result.errors.contains(word), "\(result)")
                }
            }
        }

        private func check(_ stage: GatewayStage) async throws -> CommandResult {
            try await stage.stage.run(["gateway", "--config", stage.stage.path("gateway.yml"), "--check"])
        }

        /// Something wrong in `gateway.yml`: what is written instead of what, and words of the message.
        struct Fault: Sendable, CustomTestStringConvertible {
            let name: String
            let old: String
            let new: String
            let words: [String]
            var testDescription: String { name }
        }

        static let faults = [
            Fault(
                name: "an unknown key", old: "  admin:", new: "  admn:",
                words: ["gateway.yml:4:", "admn", "admin"]),
            Fault(
                name: "an unknown section", old: "gateway:\n", new: "gatway:\n",
                words: ["gateway.yml:", "gatway", "gateway'?"]),
            Fault(
                name: "a key file that is not there", old: "file:gateway.key", new: "file:nowhere.key",
                words: ["gateway.yml:11:", "nowhere.key"]),
            Fault(
                name: "a secret that is no reference", old: "file:gateway.key", new: "ed25519:AAAA",
                words: ["gateway.yml:11:", "file:"]),
            Fault(
                name: "an environment variable that is not set", old: "file:gateway.key", new: "env:NO_SUCH_KEY",
                words: ["gateway.yml:11:", "NO_SUCH_KEY"]),
            Fault(
                name: "a name that is not among the trusted keys", old: "name: gateway-1", new: "name: gateway-2",
                words: ["gateway.yml:11:", "gateway-2", "keys.yml"]),
            Fault(
                name: "the name of a key with another role", old: "name: gateway-1", new: "name: detect-1",
                words: ["gateway.yml:11:", "detect-1"]),
            Fault(
                name: "trusted keys that are not there", old: "trusted_keys: keys.yml",
                new: "trusted_keys: nowhere.yml",
                words: ["nowhere.yml"]),
            Fault(
                name: "connections that are not there", old: "[connections.yml]", new: "[nowhere.yml]",
                words: ["nowhere.yml"]),
            Fault(
                name: "no issuers", old: "  issuers:\n", new: "  limits:\n", words: ["gateway.yml:"]),
            Fault(
                name: "an algorithm that is no signature", old: "[ES256]", new: "[none]", words: ["none"]),
            Fault(
                name: "an algorithm with a shared secret", old: "[ES256]", new: "[HS256]", words: ["HS256"]),
            Fault(
                name: "an address without a port", old: "listen: 127.0.0.1:0", new: "listen: localhost",
                words: ["gateway.yml:3:", "host:port"]),
            Fault(
                name: "a certificate without its key", old: "  admin:", new: "  certificate: cert.pem\n  admin:",
                words: ["gateway.yml:", "private_key"]),
            Fault(
                name: "a certificate that is not there", old: "  admin:",
                new: "  certificate: nowhere.pem\n  private_key: nowhere.key\n  admin:",
                words: ["gateway.yml:4:", "nowhere.pem"]),
            Fault(
                name: "a spool that is too small", old: "  admin:", new: "  spool: { total_bytes: 1000 }\n  admin:",
                words: ["gateway.yml:4:", "segment"]),
            Fault(
                name: "a way to record that is none", old: "  admin:", new: "  record: some\n  admin:",
                words: ["gateway.yml:4:", "metadata"]),
            Fault(
                name: "bodies too large to be recorded", old: "  admin:", new: "  record_bytes: 1000000\n  admin:",
                words: ["gateway.yml:4:", "262144"]),
            Fault(
                name: "no partitions", old: "  admin:", new: "  partitions: 0\n  admin:",
                words: ["gateway.yml:4:", "partitions"]),
            Fault(
                name: "more partitions than there are numbers", old: "  admin:",
                new: "  partitions: 99999999999\n  admin:", words: ["gateway.yml:4:", "partitions"]),
            Fault(
                name: "identities that are not there", old: "  admin:", new: "  identities: nowhere.csv\n  admin:",
                words: ["nowhere.csv"]),
        ]

        @Test(arguments: faults) func aFaultIsNamedWithItsPlace(_ fault: Fault) async throws {
            try await GatewayStage.with { stage in
                let text = stage.configuration()
                try #require(text.contains(fault.old))
                try stage.stage.write("gateway.yml", text.replacing(fault.old, with: fault.new))
                let checked = try await check(stage)
                #expect([2, 3].contains(checked.status), "\(checked)")
                for word in fault.words {
                    #expect(checked.errors.contains(word), "'\(word)' is missing in: \(checked.errors)")
                }
                #expect(!checked.errors.contains(stage.detector.revealedText))
                // The real start says the same and does not go on.
                let started = try await stage.stage.run(["gateway", "--config", stage.stage.path("gateway.yml")])
                #expect(started.status == checked.status, "\(started)")
            }
        }

        @Test func aKeyFileThatOthersCanReadIsRefused() async throws {
            try await GatewayStage.with { stage in
                try FileManager.default.setAttributes(
                    [.posixPermissions: 0o644], ofItemAtPath: stage.stage.path("gateway.key"))
                let result = try await check(stage)
                #expect(result.status == 3 && result.errors.contains("gateway.yml:11:"), "\(result)")
                #expect(result.errors.contains("gateway.key"))
            }
        }

        @Test func aKeyFileThatHoldsNoKeyIsRefusedWithoutShowingIt() async throws {
            try await GatewayStage.with { stage in
                let path = try stage.stage.write("other.key", "hunter2-hunter2\n")
                try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
                try stage.stage.write(
                    "gateway.yml", stage.configuration().replacing("file:gateway.key", with: "file:other.key"))
                let result = try await check(stage)
                #expect(result.status == 3 && result.errors.contains("gateway.yml:11:"), "\(result)")
                #expect(result.errors.contains("other.key") && !result.errors.contains("hunter2"))
            }
        }

        @Test func anotherKeyUnderTheSameNameIsRefused() async throws {
            try await GatewayStage.with { stage in
                try SigningKey.generate(name: "gateway-1").save(to: stage.stage.path("other.key"))
                try stage.stage.write(
                    "gateway.yml", stage.configuration().replacing("file:gateway.key", with: "file:other.key"))
                let result = try await check(stage)
                #expect(result.status == 3 && result.errors.contains("gateway.yml:11:"), "\(result)")
                #expect(result.errors.contains("keys.yml"))
            }
        }

        @Test func aTrustedKeyThatIsNoneIsNamedWithItsPlace() async throws {
            try await GatewayStage.with { stage in
                try stage.stage.write(
                    "keys.yml", "keys:\n  - { name: gateway-1, role: gateway, key: \"ed25519:AAAA\" }\n")
                let result = try await check(stage)
                #expect(result.status == 3 && result.errors.contains(/keys\.yml:2:[0-9]+/), "\(result)")
            }
        }

        @Test func anAddressThatIsTakenIsNamed() async throws {
            try await GatewayStage.with { stage in
                let gateway = try await stage.startGateway()
                let result = try await stage.stage.run([
                    "gateway", "--config", stage.stage.path("gateway.yml"), "--state", stage.stage.path("other"),
                    "--listen", "127.0.0.1:\(gateway.port)",
                ])
                #expect(result.status == 3, "\(result)")
                #expect(result.errors.contains("\(gateway.port)"), "\(result.errors)")
                // The folder of one gateway is not another's.
                let second = try await stage.stage.run(["gateway", "--config", stage.stage.path("gateway.yml")])
                #expect(second.status == 3 && second.errors.contains("state"), "\(second)")
                #expect(try await gateway.embed(try stage.token("ana")).status == 200)
            }
        }
    }
}
