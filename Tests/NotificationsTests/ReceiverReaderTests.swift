// SPDX-License-Identifier: Apache-2.0
import Delivery
import Foundation
import Kafka
import Notifications
import Testing
import YAMLDocument

@Suite struct ReceiverReaderTests {
    private let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    @Test func everyMediumIsReadAndNamedByItsReceiver() throws {
        let all = try receivers(
            """
            - name: soc
              webhook_configs:
                - { url: https://soc.example.com/hook, secrets: [\(secret)] }
                - { url: https://soc2.example.com/hook, secrets: [\(secret), \(secret)], send_resolved: false }
              slack_configs: [{ api_url: https://hooks.slack.com/services/T/B/X }]
              pagerduty_configs: [{ routing_key: 0123456789abcdef0123456789abcdef }]
              msteamsv2_configs: [{ webhook_url: 'https://example.webhook.office.com/x' }]
              email_configs:
                - { to: 'a@example.com, b@example.com', from: g@example.org, smarthost: 'mail.example.com:587' }
              ocsf_configs: [{ url: https://siem.example.com/events, allowed_networks: [10.0.0.0/8] }]
              kafka_configs: [{ topic: siem, properties: { bootstrap.servers: 'kafka:9092' } }]
              syslog_configs: [{ address: siem.example.com }]
            - name: nobody
            """)
        #expect(all.map(\.name) == ["soc", "nobody"])
        let integrations = all[0].integrations
        #expect(
            integrations.map(\.target.name) == [
                "soc-webhook", "soc-webhook-2", "soc-slack", "soc-pagerduty", "soc-msteams", "soc-email", "soc-ocsf",
                "soc-kafka", "soc-syslog",
            ])
        #expect(integrations.map(\.sendsResolved) == [true, false, false, true, true, false, false, false, false])
        #expect(
            integrations.map(\.target.endpoint) == [
                "https://soc.example.com", "https://soc2.example.com", "https://hooks.slack.com",
                "https://events.pagerduty.com", "https://example.webhook.office.com", "smtp://mail.example.com:587",
                "https://siem.example.com", "kafka://kafka:9092/siem", "syslog+tls://siem.example.com:6514",
            ])
        #expect(try receivers("").isEmpty)
    }

    @Test func whoSendsNothingNeedsNoSecret() throws {
        let yaml = """
            - name: soc
              webhook_configs: [{ url: env:GW_NOT_SET, secrets: [env:GW_NOT_SET, file:/no/such] }]
              slack_configs: [{ api_url: env:GW_NOT_SET }]
              pagerduty_configs: [{ routing_key: file:/no/such }]
              msteamsv2_configs: [{ webhook_url: env:GW_NOT_SET }]
              email_configs:
                - { to: a@example.com, from: g@example.org, smarthost: 'mail.example.com:587', auth_username: g, auth_password: env:GW_NOT_SET }
              ocsf_configs:
                - { url: https://siem.example.com, authorization: { credentials: env:GW_NOT_SET }, tls_config: { key_file: /no/such } }
              kafka_configs: [{ topic: siem, properties: { bootstrap.servers: 'kafka:9092', sasl.password: env:GW_NOT_SET } }]
            """
        #expect(throws: DocumentError.self) { try receivers(yaml) }
        let list = try YAMLReader.documents(text: yaml, file: "hub.yml").first
        let reader = ReceiverReader(kafka: KafkaProperties(), version: "0.1.0", secrets: .unread)
        let soc = try #require(try reader.receivers(list).first)
        #expect(soc.integrations.count == 7)
        for integration in soc.integrations { #expect(!integration.payloads(message()).isEmpty) }
        #expect(soc.integrations[1].target.endpoint == "https://not-read.invalid")
        // What is no reference is checked as ever.
        for wrong in ["routing_key: short", "routing_key: env:X, url: 'a b'"] {
            let list = try YAMLReader.documents(text: "- { name: a, pagerduty_configs: [{ \(wrong) }] }", file: "x")
                .first
            #expect(throws: DocumentError.self) { try reader.receivers(list) }
        }
    }

    @Test func onlyPagerDutyHearsThatSomebodyTookTheIncident() throws {
        let soc = try #require(
            try receivers(
                """
                - name: soc
                  webhook_configs: [{ url: https://soc.example.com/hook, secrets: [\(secret)] }]
                  pagerduty_configs: [{ routing_key: 0123456789abcdef0123456789abcdef, send_resolved: false }]
                  msteamsv2_configs: [{ webhook_url: 'https://example.webhook.office.com/x' }]
                  syslog_configs: [{ address: siem.example.com }]
                """
            ).first)
        #expect(soc.deliveries(message(.acknowledged), orderingKey: "k").map(\.target) == ["soc-pagerduty"])
    }

    @Test func whoDoesNotWantTheEndHearsOfTheBeginningOnly() throws {
        let soc = try #require(
            try receivers("- { name: soc, slack_configs: [{ api_url: 'https://hooks.slack.com/x' }] }").first)
        #expect(soc.deliveries(message(), orderingKey: "k").map(\.messageID) == ["ntf_1"])
        #expect(soc.deliveries(message(.resolved), orderingKey: "k").isEmpty)
    }

    @Test func aMessageTooLargeForTheOutboxIsCutAndSaysSo() throws {
        let yaml = "- { name: soc, webhook_configs: [{ url: 'https://a.example/', secrets: [\(secret)] }] }"
        let soc = try #require(try receivers(yaml).first)
        let wide = (0..<3).map { finding("f-\($0)", message: String(repeating: "x", count: 700_000)) }
        let delivery = try #require(soc.deliveries(message(.firing, wide), orderingKey: "k").first)
        #expect(delivery.body.count < 2 << 20)
        #expect(String(decoding: delivery.body, as: UTF8.self).contains(#""truncatedAlerts":1"#))
        // However large every field is, there is something that the outbox takes.
        let huge = String(repeating: "y", count: 900_000)
        let one = message(.firing, [finding(probe: huge)], probe: huge)
        #expect(try #require(soc.deliveries(one, orderingKey: "k").first).body.count < 2 << 20)
    }

    @Test(arguments: [
        ("- name: a b", "hub.yml:1", "receiver's name"), ("- {}", "hub.yml:1", "name"),
        ("- name: a\n- name: a", "hub.yml:2", "two receivers"),
        ("- name: a\n  slack_config: []", "hub.yml:2", "slack_configs"),
        ("- name: a\n  slack_configs:\n    - api_url: hooks.slack.com/x y", "hub.yml:3", "URL"),
        ("- name: a\n  slack_configs:\n    - api_url: env:NO_SUCH_VARIABLE_HERE", "hub.yml:3", "NO_SUCH_VARIABLE_HERE"),
        ("- name: a\n  slack_configs:\n    - api_url: https://a.example\n      channel: x", "hub.yml:4", "channel"),
        (
            "- name: a\n  slack_configs:\n    - api_url: https://a.example\n      text: |\n        a\n        {{#alerts}}\n        b",
            "hub.yml:7", "template"
        ),
        (
            "- name: a\n  slack_configs:\n    - api_url: https://a.example\n      title: file:/no/such", "hub.yml:4",
            "/no/such"
        ),
        ("- name: a\n  pagerduty_configs: [{ routing_key: short }]", "hub.yml:2", "32 characters"),
        (
            "- name: a\n  webhook_configs: [{ url: 'https://a.example', secrets: [hidden-value] }]", "hub.yml:2",
            "whsec_"
        ),
        ("- name: a\n  email_configs: [{ to: x, from: a@b.c, smarthost: 'm:25' }]", "hub.yml:2", "mail address"),
        ("- name: a\n  email_configs: [{ to: x@y.z, from: a@b.c, smarthost: m }]", "hub.yml:2", "smarthost"),
        (
            "- name: a\n  email_configs: [{ to: x@y.z, from: a@b.c, smarthost: 'm:25', auth_username: u, auth_password: p, require_tls: false }]",
            "hub.yml:2", "require_tls"
        ),
        ("- name: a\n  kafka_configs: [{ topic: a/b }]", "hub.yml:2", "bootstrap.servers"),
        ("- name: a\n  syslog_configs: [{ address: 'a b' }]", "hub.yml:2", "host:port"),
        ("- name: a\n  syslog_configs: [{ address: 'user@host/path' }]", "hub.yml:2", "host:port"),
        (
            "- name: a\n  ocsf_configs: [{ url: 'https://a.example', allowed_networks: [10.0.0.0/40] }]", "hub.yml:2",
            "not a network"
        ),
        (
            "- name: a\n  ocsf_configs: [{ url: 'https://a.example', tls_config: { ca_file: /no/such } }]", "hub.yml:2",
            "/no/such"
        ),
    ])
    func aFaultNamesItsPlace(yaml: String, place: String, word: String) {
        let error = #expect(throws: DocumentError.self) { try receivers(yaml) }
        let words = error?.description ?? ""
        #expect(words.hasPrefix(place) && words.contains(word), "\(words)")
        #expect(!words.contains("hidden-value"))
    }
}
