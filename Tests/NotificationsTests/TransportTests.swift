// SPDX-License-Identifier: Apache-2.0
import Delivery
import Foundation
import Independent
import Kafka
import Notifications
import TestSupport
import Testing
import YAMLDocument

/// The receivers of a text of settings.
func receivers(_ yaml: String, kafka: KafkaProperties = KafkaProperties()) throws -> [Receiver] {
    try ReceiverReader(kafka: kafka, version: "0.1.0").receivers(
        YAMLReader.documents(text: yaml, file: "hub.yml").first)
}

/// One attempt per payload and connection, as the outbox's thread makes them: off the pool.
func attempts(_ integration: Receiver.Integration, _ messages: [Message]) async throws -> [Attempt] {
    try await withCheckedThrowingContinuation { continuation in
        Thread {
            continuation.resume(
                with: Result {
                    let connection = try integration.target.connect(CurlCancellation(), logger: quiet)
                    return messages.flatMap { integration.payloads($0) }.map { id, payload in
                        connection.attempt(
                            OutgoingMessage(
                                id: id, orderingKey: "u-0180", body: payload.body, nowSeconds: 1_795_000_000))
                    }
                })
        }.start()
    }
}

private func one(_ yaml: String, kafka: KafkaProperties = KafkaProperties()) throws -> Receiver.Integration {
    try #require(try receivers("- name: soc\n  " + yaml, kafka: kafka).first?.integrations.first)
}

@Suite struct TransportTests {
    @Test func slackGetsWhatItTakes() async throws {
        try await LocalReceiver.with({ request, _ in .init(ServiceRules.slack(request.body)) }) { service in
            let slack = try one(
                "slack_configs: [{ api_url: '\(service.url)', allow_private: true, send_resolved: true }]")
            #expect(
                try await attempts(
                    slack, [message(), message(.resolved), message(.firing, [finding(probe: probes[0])])])
                    == Array(repeating: .delivered(status: 200), count: 3))
            #expect(service.requests.map(\.path) == Array(repeating: "/hook", count: 3))
            #expect(service.requests[0].headers["content-type"] == "application/json")
        }
    }

    @Test func pagerDutyGetsItsRoutingKeyOnTheWay() async throws {
        let key = "0123456789abcdef0123456789abcdef"
        try await LocalReceiver.with({ request, _ in .init(ServiceRules.pagerDuty(request.body)) }) { service in
            let pagerDuty = try one(
                "pagerduty_configs: [{ routing_key: '\(key)', url: '\(service.url)', allow_private: true }]")
            let all = [message(), message(.acknowledged), message(.resolved), message(.test)]
            #expect(try await attempts(pagerDuty, all) == Array(repeating: .delivered(status: 202), count: 4))
            for request in service.requests {
                let event = try JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any]
                #expect(event?["routing_key"] as? String == key)
            }
            #expect(!pagerDuty.payloads(message()).contains { text($0.payload).contains(key) })
        }
    }

    /// The statuses of each service's documentation, and what they mean for the message.
    @Test(arguments: [
        ("slack", 400, true), ("slack", 403, true), ("slack", 404, true), ("slack", 429, false), ("slack", 500, false),
        ("pagerduty", 400, true), ("pagerduty", 429, false), ("pagerduty", 503, false), ("msteams", 413, true),
        ("msteams", 429, false), ("msteams", 502, false), ("ocsf", 422, true), ("ocsf", 401, false),
        ("webhook", 400, false),
    ])
    func whatAStatusMeans(service: String, status: Int, isPermanent: Bool) async throws {
        try await LocalReceiver.with({ _, _ in .init(status: status, headers: ["Retry-After": "7"], body: "why not") })
        { local in
            let yaml =
                switch service {
                case "slack": "slack_configs: [{ api_url: '\(local.url)', allow_private: true }]"
                case "pagerduty":
                    "pagerduty_configs: [{ routing_key: '\(String(repeating: "k", count: 32))', url: '\(local.url)', allow_private: true }]"
                case "msteams": "msteamsv2_configs: [{ webhook_url: '\(local.url)', allow_private: true }]"
                case "ocsf": "ocsf_configs: [{ url: '\(local.url)', allow_private: true }]"
                default:
                    "webhook_configs: [{ url: '\(local.url)', secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'], allow_private: true }]"
                }
            let failure = Attempt.Failure(
                status: status, error: "HTTP \(status): why not", retryAfterSeconds: 7,
                throttles: [429, 502, 503].contains(status), isPermanent: isPermanent)
            let integration = try one(yaml)
            #expect(try await attempts(integration, [message()]) == [.failed(failure)])
        }
    }

    @Test func aSIEMGetsEachAlertByItselfWithItsToken() async throws {
        try await LocalReceiver.with({ _, _ in .init(status: 204) }) { service in
            let siem = try one(
                """
                ocsf_configs:
                  - { url: '\(service.url)', format: lines, authorization: { type: Splunk, credentials: token }, allow_private: true }
                """)
            let alerts = [finding("f-1"), finding("f-2")]
            #expect(try await attempts(siem, [message(.firing, alerts)]).count == 2)
            #expect(Set(service.requests.map(\.body)) == Set(alerts.map { $0 + [0x0A] }))
            #expect(service.requests.allSatisfy { $0.headers["authorization"] == "Splunk token" })
            // Again in another notification: the same ids, which the outbox knows.
            let ids = siem.payloads(message(.firing, alerts, id: "ntf_2")).map(\.id)
            #expect(ids == siem.payloads(message(.firing, alerts)).map(\.id) && Set(ids).count == 2)
        }
    }

    @Test func aTopicGetsARecordPerAlertUnderItsKey() async throws {
        let broker = try EmbeddedBroker(topics: [("siem", 2)])
        defer { broker.close() }
        let kafka = try one(
            "kafka_configs: [{ topic: siem }]", kafka: KafkaProperties(["bootstrap.servers": broker.bootstrapServers]))
        let alerts = [finding("f-1"), finding("f-2"), finding("f-3")]
        #expect(
            try await attempts(kafka, [message(.firing, alerts)]) == Array(repeating: .delivered(status: nil), count: 3)
        )
        let reader = try KafkaConsumer(
            properties: KafkaProperties(["bootstrap.servers": broker.bootstrapServers, "auto.offset.reset": "earliest"]
            ),
            group: "test", topics: ["siem"], logger: quiet)
        defer { reader.close() }
        var records: [(key: String, payload: [UInt8])] = []
        let all = try await eventually {
            _ = try reader.poll(maxRecords: 10, timeoutMilliseconds: 50) { record in
                let payload = record.payload.map { Array($0) } ?? []
                records.append((record.key.map { String(decoding: $0, as: UTF8.self) } ?? "", payload))
            }
            return records.count >= 3
        }
        #expect(all && records.allSatisfy { $0.key == "u-0180" } && Set(records.map(\.payload)) == Set(alerts))
    }

    @Test func aTopicThatCannotBeReachedIsAFailureAndNotForGood() async throws {
        let kafka = try one(
            "kafka_configs: [{ topic: siem, timeout: 1s, properties: { bootstrap.servers: '127.0.0.1:1' } }]")
        let attempt = try #require(try await attempts(kafka, [message()]).first)
        guard case .failed(let failure) = attempt else {
            Issue.record("\(attempt)")
            return
        }
        #expect(!failure.isPermanent && !failure.error.isEmpty)
    }
}

@Suite(.enabled(if: CertificateFolder.isPossible, "openssl is not on PATH")) struct SyslogTests {
    /// `openssl s_server`, which prints what it gets.
    private func server(_ folder: CertificateFolder, _ port: Int, _ output: String) async throws -> Child {
        let child = try Child(
            try #require(CertificateFolder.find("openssl")),
            [
                "s_server", "-accept", "127.0.0.1:\(port)", "-cert", folder.certificate, "-key", folder.key, "-quiet",
            ], output: output)
        return child
    }

    @Test func framesArriveWholeAndTheConnectionIsMadeAnew() async throws {
        let folder = try CertificateFolder()
        let port = freePort()
        let syslog = try one(
            """
            syslog_configs:
              - { address: '127.0.0.1:\(port)', tls_config: { ca_file: '\(folder.certificate)' }, allow_private: true, timeout: 5s }
            """)
        let connection = try syslog.target.connect(CurlCancellation(), logger: quiet)
        let payload = try #require(syslog.payloads(message(.firing, [finding(probe: "a|b=c\nd é")])).first?.payload)
        func attempt() -> Attempt {
            connection.attempt(OutgoingMessage(id: "a", orderingKey: "k", body: payload.body, nowSeconds: 0))
        }
        guard case .failed(let failure) = attempt() else {
            Issue.record("nobody listens")
            return
        }
        #expect(!failure.isPermanent && failure.error.contains("check that the receiver runs"))
        for round in 1...2 {
            let output = folder.path("out-\(round)")
            let server = try await server(folder, port, output)
            // The first attempts after a restart fail, and never say that they were delivered.
            #expect(try await eventually { attempt() == .delivered(status: nil) })
            #expect(attempt() == .delivered(status: nil))
            let expected = Data(payload.body + payload.body)
            #expect(try await eventually { FileManager.default.contents(atPath: output) == expected })
            server.stop()
        }
    }

    /// rsyslog takes frames apart by RFC 5425 and messages by RFC 5424, and says what it read.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: rsyslog), "rsyslog is not there: make clients"))
    func aSyslogServerReadsEveryPartOfEveryMessage() async throws {
        let folder = try CertificateFolder()
        let output = folder.path("out"), port = folder.path("port")
        try Data(Self.settings(folder, port: port, output: output).utf8).write(
            to: URL(filePath: folder.path("rsyslog.conf")))
        let server = try Child(
            Self.rsyslog, ["-n", "-f", folder.path("rsyslog.conf"), "-i", folder.path("pid")],
            output: folder.path("log"))
        defer { server.stop() }
        let number = {
            try String(contentsOfFile: port, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        }
        #expect(try await eventually { try FileManager.default.fileExists(atPath: port) && !number().isEmpty })
        let syslog = try one(
            """
            syslog_configs:
              - { address: '127.0.0.1:\(number())', hostname: hub-1, tls_config: { ca_file: '\(folder.certificate)' }, allow_private: true }
            """)
        let hostile = finding("f-2", probe: "a|b=c\nd é \u{202E}<13>1 - - - - - x")
        let messages = [message(.firing, [finding(), hostile, finding("f-3", severity: 5)])]
        #expect(try await attempts(syslog, messages) == Array(repeating: .delivered(status: nil), count: 3))
        let lines = { try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n") }
        #expect(try await eventually { try FileManager.default.fileExists(atPath: output) && lines().count == 3 })
        let sent = messages.flatMap { syslog.payloads($0) }.map { text($0.payload) }
        for (line, frame) in zip(try lines(), sent) {
            let read = try #require(
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String], "\(line)")
            #expect(read["version"] == "1" && read["host"] == "hub-1" && read["app"] == "gatewatch")
            #expect(read["procid"] == "-" && read["msgid"] == "alert" && read["sd"] == "-")
            #expect(read["time"] == "2026-11-18T11:07:40.000Z", "when it was made")
            let body = try #require(read["msg"])
            #expect(body.hasPrefix("CEF:0|Gatewatch|") && frame.hasSuffix(" - alert - " + body))
            #expect(frame.contains(" <\(read["pri"] ?? "")>1 "))
        }
    }

    private static let rsyslog = "/usr/sbin/rsyslogd"

    private static func settings(_ folder: CertificateFolder, port: String, output: String) -> String {
        let fields = [
            ("pri", "pri"), ("version", "protocol-version"), ("host", "hostname"), ("app", "app-name"),
            ("procid", "procid"), ("msgid", "msgid"), ("sd", "structured-data"), ("msg", "msg"),
        ].map { #"property(outname="\#($0)" name="\#($1)" format="jsonf")"# }
        return #"""
            global(workDirectory="\#(folder.url.path)" maxMessageSize="16k" defaultNetstreamDriver="ossl"
              defaultNetstreamDriverCAFile="\#(folder.certificate)" defaultNetstreamDriverCertFile="\#(folder.certificate)"
              defaultNetstreamDriverKeyFile="\#(folder.key)")
            module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
            template(name="parts" type="list" option.jsonf="on") {
              property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
              \#(fields.joined(separator: "\n  "))
            }
            input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="\#(port)")
            action(type="omfile" file="\#(output)" template="parts")

            """#
    }

    @Test func aStrangersCertificateGetsNothing() async throws {
        let folder = try CertificateFolder()
        let port = freePort()
        let output = folder.path("out")
        let server = try await server(folder, port, output)
        defer { server.stop() }
        let syslog = try one("syslog_configs: [{ address: '127.0.0.1:\(port)', allow_private: true }]")
        let connection = try syslog.target.connect(CurlCancellation(), logger: quiet)
        let isRefused = try await eventually {
            let attempt = connection.attempt(
                OutgoingMessage(id: "a", orderingKey: "k", body: Array("9 secret".utf8), nowSeconds: 0))
            if case .failed(let failure) = attempt { return failure.error.contains("certificate") }
            return false
        }
        #expect(isRefused && FileManager.default.contents(atPath: output)?.isEmpty == true)
    }
}

@Suite(.enabled(if: Python.has("aiosmtpd") && CertificateFolder.isPossible, "\(Python.reason)")) struct SMTPTests {
    private struct Server {
        let folder = try? CertificateFolder()
        let child: Child
        let port: Int

        init(_ options: String...) async throws {
            let folder = try #require(folder)
            child = try Child(
                Python.program.path,
                [
                    Python.support.appending(path: "mail_server.py").path, folder.certificate, folder.key,
                    folder.url.path,
                ] + options)
            let path = folder.path("port")
            try #require(try await eventually { FileManager.default.fileExists(atPath: path) })
            port = try #require(Int(try String(contentsOfFile: path, encoding: .utf8)))
        }

        func mail(_ number: Int) throws -> [String: Any]? {
            guard let data = FileManager.default.contents(atPath: folder?.path("mail-\(number).json") ?? "") else {
                return nil
            }
            return try JSONSerialization.jsonObject(with: data) as? [String: Any]
        }

        func settings(_ more: String = "", to: String = "soc@example.com", trusted: Bool = true) throws
            -> Receiver.Integration
        {
            let tls = trusted ? "tls_config: { ca_file: '\(folder?.certificate ?? "")' }, " : ""
            return try one(
                """
                email_configs:
                  - { to: '\(to)', from: 'Gatewatch <gatewatch@example.org>', smarthost: '127.0.0.1:\(port)', hello: hub.example.org,
                      \(tls)allow_private: true, send_resolved: true\(more) }
                """)
        }
    }

    @Test func aMailArrivesEncryptedAndWhole() async throws {
        let server = try await Server("auth")
        defer { server.child.stop() }
        let mail = try server.settings(
            ", auth_username: gatewatch, auth_password: 'pass word'", to: "Team <soc@example.com>, ana@example.com")
        let messages = [message(.firing, [finding(message: ".\n..dots\n.")]), message(.resolved, id: "ntf_2")]
        #expect(try await attempts(mail, messages) == Array(repeating: .delivered(status: 250), count: 2))
        let first = try #require(try server.mail(1))
        let second = try #require(try server.mail(2))
        #expect(first["from"] as? String == "gatewatch@example.org")
        #expect(first["to"] as? [String] == ["soc@example.com", "ana@example.com"])
        #expect(first["tls"] as? Bool == true && first["authenticated"] as? Bool == true)
        #expect(first["hello"] as? String == "hub.example.org")
        #expect(first["peer"] as? Int == second["peer"] as? Int, "one connection carries both")
        let sent = try #require(mail.payloads(messages[0]).first?.payload.body)
        #expect(Data(base64Encoded: first["content"] as? String ?? "") == Data(sent))
    }

    @Test(arguments: [("550", true), ("552", true), ("450", false), ("451", false), ("421", false)])
    func whatAReplyMeans(code: String, isPermanent: Bool) async throws {
        let server = try await Server()
        defer { server.child.stop() }
        // One of two is refused: nobody gets it, and nobody is forgotten.
        let mail = try server.settings(to: "ana@example.com, \(code)@example.com")
        guard case .failed(let failure) = try #require(try await attempts(mail, [message()]).first) else {
            Issue.record("\(code) was taken")
            return
        }
        #expect(failure.status == Int(code) && failure.isPermanent == isPermanent, "\(failure)")
        #expect(try server.mail(1) == nil)
    }

    @Test func aWrongPasswordIsTheOperatorsToMend() async throws {
        let server = try await Server("auth")
        defer { server.child.stop() }
        let mail = try server.settings(", auth_username: gatewatch, auth_password: wrong")
        guard case .failed(let failure) = try #require(try await attempts(mail, [message()]).first) else {
            Issue.record("it was taken")
            return
        }
        #expect(failure.status == 535 && !failure.isPermanent && !failure.error.contains("wrong"))
    }

    @Test func withoutTLSOrTrustNothingIsSent() async throws {
        let plain = try await Server("plain")
        defer { plain.child.stop() }
        let tls = try await Server()
        defer { tls.child.stop() }
        for mail in [try plain.settings(), try tls.settings(trusted: false)] {
            guard case .failed(let failure) = try #require(try await attempts(mail, [message()]).first) else {
                Issue.record("it was taken")
                continue
            }
            #expect(!failure.isPermanent, "\(failure)")
        }
        #expect(try plain.mail(1) == nil && tls.mail(1) == nil)
        let trusting = try plain.settings(", require_tls: false", trusted: false)
        #expect(try await attempts(trusting, [message()]) == [.delivered(status: 250)])
    }
}

extension LocalReceiver.Answer {
    fileprivate init(_ answer: ServiceRules.Answer) { self.init(status: answer.status, body: answer.body) }
}
