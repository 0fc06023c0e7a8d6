// SPDX-License-Identifier: Apache-2.0
import JSONText

/// Slack's incoming webhooks with Block Kit (https://docs.slack.dev/reference/block-kit/blocks). Data stands in `plain_text`,
/// where no mark-up is read; what a template makes is `mrkdwn`, and `verbatim`: names in it do not become links.
enum SlackFormat {
    /// What Slack takes, in characters; past it the whole message is refused.
    enum Limit {
        static let header = 150
        static let section = 3_000
        static let field = 2_000
        static let fields = 10
        static let blocks = 50
        static let buttonURL = 3_000
        /// Not documented: near 13,000 in all `msg_blocks_too_long` is the answer.
        static let total = 10_000
    }

    /// Alerts that are listed.
    private static let alerts = 10

    static func payload(_ message: Message, _ templates: MessageTemplates = MessageTemplates()) -> Payload {
        let escape = Escaping.slack
        let title =
            templates.title?(message, escape, limit: Limit.header, keepsLines: false)
            ?? escape(message.heading, limit: Limit.header)
        var room = Limit.total - 2 * title.utf16.count
        /// Text for as much as is left of the whole.
        func take(_ text: String, _ limit: Int, keepsLines: Bool = false) -> String {
            let text = escape(text, limit: min(limit, max(0, room)), keepsLines: keepsLines)
            room -= text.utf16.count
            return text
        }
        var json = JSONWriter(capacity: 4096)
        json.object {
            $0.field("text", title)
            $0.field("mrkdwn", false)
            $0.array("blocks") { json in
                json.object {
                    $0.field("type", "header")
                    plain(&$0, "text", title)
                }
                if let text = templates.text {
                    let words = text(message, escape, limit: min(Limit.section, room))
                    if !words.isEmpty {
                        json.object {
                            $0.field("type", "section")
                            $0.object("text") {
                                $0.field("type", "mrkdwn")
                                $0.field("text", words)
                                $0.field("verbatim", true)
                            }
                        }
                    }
                } else {
                    for words in message.summary.prefix(5) {
                        let words = take(words, 1_000)
                        if !words.isEmpty { section(&json, words) }
                    }
                    let facts = message.facts.prefix(Limit.fields)
                    if !facts.isEmpty {
                        json.object {
                            $0.field("type", "section")
                            $0.array("fields") { json in
                                for fact in facts {
                                    plain(&json, nil, take("\(fact.name): \(fact.value)", 300))
                                }
                            }
                        }
                    }
                    if message.alertCount > 1 {
                        for alert in message.alerts.prefix(alerts) where room > 200 {
                            section(&json, take(alert.line, 500))
                        }
                        let rest = message.alertCount - min(message.alerts.count, alerts)
                        if rest > 0 { section(&json, "and \(rest) more") }
                    }
                }
                if let url = message.link, url.utf8.count <= Limit.buttonURL {
                    json.object {
                        $0.field("type", "actions")
                        $0.array("elements") { json in
                            json.object {
                                $0.field("type", "button")
                                plain(&$0, "text", "Open incident")
                                $0.field("url", url)
                                $0.field("action_id", "open")
                            }
                        }
                    }
                }
            }
        }
        return .json(json.bytes)
    }

    private static func plain(_ json: inout JSONWriter, _ key: StaticString?, _ text: String) {
        json.object(key) {
            $0.field("type", "plain_text")
            // Slack refuses an empty text.
            $0.field("text", text.isEmpty ? "-" : text)
            $0.field("emoji", false)
        }
    }

    private static func section(_ json: inout JSONWriter, _ text: String) {
        json.object {
            $0.field("type", "section")
            plain(&$0, "text", text)
        }
    }
}
