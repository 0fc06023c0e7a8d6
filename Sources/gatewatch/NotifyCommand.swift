// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Delivery
import Finding
import Foundation
import Logging
import Notifications
import Telemetry
import YAMLDocument

struct NotifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notify",
        abstract: "Tries the hub's receivers, and shows what they would be sent.",
        discussion: """
            gatewatch notify test --config /etc/gatewatch.yml            # every receiver
            gatewatch notify test --config /etc/gatewatch.yml soc
            gatewatch notify show --config /etc/gatewatch.yml soc --alert finding.json --status resolved
            """,
        subcommands: [Test.self, Show.self])

    struct Common: ParsableArguments {
        @Option(help: "Configuration file (YAML) with hub.receivers.")
        var config: String

        /// The receivers of these names; all without.
        func receivers(_ names: [String], secrets: ReceiverReader.Secrets) throws -> [Receiver] {
            let all = try ConfigurationFile(path: config, secrets: secrets).receivers()
            guard !all.isEmpty else {
                throw DocumentError(file: config, message: "has no hub.receivers: see docs/notifications.md.")
            }
            for name in names where !all.contains(where: { $0.name == name }) {
                throw ValidationError(unknownKey(name, known: all.map(\.name), what: "receiver"))
            }
            return names.isEmpty ? all : all.filter { names.contains($0.name) }
        }
    }

    struct Test: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sends a marked test message through the real targets at once and prints each reply.",
            discussion:
                "One attempt each, beside the outbox. PagerDuty opens an alert of severity info. Status 1 if one failed."
        )

        @OptionGroup var common: Common
        @Argument(help: "Receivers; all without.")
        var receivers: [String] = []

        func run() throws {
            let quiet = Logger(label: "gatewatch.notify") { _ in SwiftLogNoOpLogHandler() }
            var failed = false
            for receiver in try common.receivers(receivers, secrets: .needed) {
                for trial in receiver.trial(now: RFC3339.nowMilliseconds(), logger: quiet) {
                    if !trial.attempt.isDelivered { failed = true }
                    Terminal.print("\(trial.target)  \(trial.endpoint)  \(trial.attempt.description)")
                }
            }
            if failed { throw ExitCode.foundWrong }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints what a receiver would be sent of an alert; nothing is sent.",
            discussion:
                """
                Secrets, signatures and PagerDuty's routing key are put in when a message is sent and are not shown; they are not
                read either. An address that is one (env:, file:) is shown as https://not-read.invalid.
                """)

        @OptionGroup var common: Common
        @Option(help: "File with an OCSF Detection Finding; - is standard input. May be given several times.")
        var alert: [String] = []
        @Option(help: "firing, acknowledged, resolved or test.")
        var status = "firing"
        @Argument(help: "The receiver.")
        var receiver: String

        func run() throws {
            guard let status = Message.Status(rawValue: status) else {
                throw ValidationError("--status \(status): write firing, acknowledged, resolved or test.")
            }
            guard !alert.isEmpty else { throw ValidationError("Give an --alert FINDING.json.") }
            let findings = try alert.map { path in
                let data =
                    path == "-" ? try FileHandle.standardInput.readToEnd() : FileManager.default.contents(atPath: path)
                guard let data else { throw DocumentError(file: path, message: "cannot be read.") }
                do {
                    return MessageAlert(try DetectionFinding(Array(data)), json: Array(data))
                } catch {
                    throw DocumentError(file: path, message: "\(error).")
                }
            }
            for receiver in try common.receivers([receiver], secrets: .unread) {
                let message = Message(
                    id: "shown", status: status, groupKey: "shown", alerts: findings,
                    generatedAt: findings.map(\.time).max() ?? 0, receiver: receiver.name)
                for integration in receiver.integrations {
                    let payloads = integration.payloads(message)
                    if payloads.isEmpty { Terminal.print("# \(integration.target.name): nothing is sent\n") }
                    for (id, payload) in payloads {
                        Terminal.print(
                            "# \(integration.target.name): \(id) to \(integration.target.endpoint), \(payload.contentType), \(payload.body.count) bytes"
                        )
                        Terminal.line(payload.body)
                    }
                }
            }
        }
    }
}
