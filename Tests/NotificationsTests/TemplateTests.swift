// SPDX-License-Identifier: Apache-2.0
import Foundation
import Notifications
import Testing

@Suite struct TemplateTests {
    private func template(_ text: String) throws -> MessageTemplate { try MessageTemplate(text, source: "t.mustache") }

    @Test func aTemplateReplacesItsPart() throws {
        let templates = MessageTemplates(
            title: try template("{{severity}}: {{identity}}"),
            text: try template(
                "{{#alerts}}{{rule}} {{#risk}}({{risk}}){{/risk}}\n{{/alerts}}{{#facts}}{{name}}={{value}};{{/facts}}{{^is_resolved}}still{{/is_resolved}}"
            ))
        let slack = try json(MessageFormat.slack(templates).payload(message()))
        #expect(slack["text"] as? String == "high: u-0180")
        let body = try #require(strings(slack).map(\.text).first { $0.contains("still") })
        #expect(
            body.hasPrefix(
                "gw_bulk_vectors (81 (high): gw_bulk 40.5 (3 alerts) + gw_new 40)\nIdentity=u-0180;Severity=high;"))
        let teams = text(MessageFormat.teams(templates).payload(message()))
        #expect(teams.contains("high: u\\\\-0180"))
        let event = try json(MessageFormat.pagerDuty(templates).payload(message()))
        #expect((event["payload"] as? [String: Any])?["summary"] as? String == "high: u-0180")
    }

    /// `{{{x}}}`, `{{&x}}` and another content type are Mustache's ways around escaping.
    @Test(arguments: [
        "{{identity}}", "{{{identity}}}", "{{&identity}}", "{{% CONTENT_TYPE:TEXT}}{{identity}}",
        "{{=<% %>=}}<%& identity %>", "{{#alerts}}{{{identity}}}{{/alerts}}", "{{#group}}{{{value}}}{{/group}}",
        "{{reversed(identity)}}",
    ])
    func noTagOfATemplateSendsDataUnescaped(text: String) throws {
        let templates = MessageTemplates(title: try template(text), text: try template(text), html: try template(text))
        for probe in probes {
            let hostile = message(.firing, [finding(probe: probe)], probe: probe)
            let slack = try #require(MessageFormat.slack(templates).payload(hostile))
            #expect(ServiceRules.slack(slack.body).status == (probe.isEmpty ? 400 : 200) || !slack.body.isEmpty)
            for (key, text) in strings(try json(slack)) where key == "text" { #expect(!text.contains("<")) }
        }
        let hostile = message(.firing, [finding(probe: "<b>&")], probe: "<b>&")
        let mail = MailFormat(from: try MailAddress("a@example.org"), to: [try MailAddress("b@example.org")])
        let html = payloadText(MessageFormat.mail(mail, templates).payload(hostile)).components(
            separatedBy: "text/html")[1]
        #expect(!html.contains("<b>"))
    }

    @Test(arguments: [
        ("fine\n{{#alerts}}\nno end", 3), ("{{#a}}\n{{/b}}", 2), ("a\nb\n{{#x", 3), ("{{>other}}", 1),
        ("one\n{{> other}}", 2),
        ("x\n{{=<}}", 2), ("{{% NOTHING:1}}", 1),
    ])
    func aBadTemplateIsRefusedWithFileAndLine(text: String, line: Int) {
        let error = #expect(throws: TemplateError.self) {
            try MessageTemplate(text, source: "/etc/gatewatch/slack.mustache")
        }
        #expect(
            error?.line == line && error?.description.hasPrefix("/etc/gatewatch/slack.mustache:\(line): ") == true,
            "\(error?.description ?? "")")
    }

    @Test func aTemplateInAFileOfSettingsCountsFromItsLine() {
        let error = #expect(throws: TemplateError.self) {
            try MessageTemplate("{{#alerts}}\nno end", source: "gatewatch.yml", firstLine: 40)
        }
        #expect(error?.line == 41)
    }

    @Test func aTemplateOfEndlessTextIsCut() throws {
        let templates = MessageTemplates(
            title: try template(String(repeating: "x", count: 5_000)),
            text: try template("{{#alerts}}{{message}}{{/alerts}}"))
        let wide = String(repeating: "&", count: 5_000)
        let hostile = message(.firing, (0..<100).map { finding("f-\($0)", message: wide) })
        let slack = try #require(MessageFormat.slack(templates).payload(hostile))
        #expect(ServiceRules.slack(slack.body).status == 200)
        let teams = try #require(MessageFormat.teams(templates).payload(hostile))
        #expect(ServiceRules.teams(teams.body).status == 202)
    }
}
