// SPDX-License-Identifier: Apache-2.0
import JSONText

/// An Adaptive Card for a Teams workflow ("When a Teams webhook request is received"),
/// https://adaptivecards.io/explorer/. Of its elements `TextBlock` and `FactSet` read Markdown, so data in them is escaped;
/// sentences stand in `RichTextBlock`, which reads none.
enum TeamsFormat {
    /// Teams takes 28 kB; some of it is its own.
    static let maximumBytes = 27_000

    /// As many alerts as fit, ten at most; then shorter texts.
    static func payload(_ message: Message, _ templates: MessageTemplates = MessageTemplates()) -> Payload {
        for (alerts, length) in [(10, 1_000), (5, 500), (0, 500), (0, 100)] {
            let body = render(message, templates, alerts: alerts, length: length)
            if body.count <= maximumBytes { return .json(body) }
        }
        return .json(render(message, MessageTemplates(), alerts: 0, length: 30))
    }

    private static func render(
        _ message: Message, _ templates: MessageTemplates, alerts: Int, length: Int
    ) -> [UInt8] {
        let escape = Escaping.markdown
        var json = JSONWriter(capacity: 8192)
        json.object {
            $0.field("type", "message")
            $0.array("attachments") { json in
                json.object {
                    $0.field("contentType", "application/vnd.microsoft.card.adaptive")
                    $0.object("content") {
                        $0.field("$schema", "http://adaptivecards.io/schemas/adaptive-card.json")
                        $0.field("type", "AdaptiveCard")
                        $0.field("version", "1.4")
                        $0.array("body") { json in
                            json.object {
                                $0.field("type", "TextBlock")
                                $0.field(
                                    "text",
                                    templates.title?(message, escape, limit: 500, keepsLines: false)
                                        ?? escape(message.heading, limit: min(500, length)))
                                $0.field("weight", "Bolder")
                                $0.field("size", "Medium")
                                $0.field("wrap", true)
                                $0.field("color", color(message))
                            }
                            body(&json, message, templates, alerts: alerts, length: length)
                        }
                        if let url = message.link {
                            $0.array("actions") { json in
                                json.object {
                                    $0.field("type", "Action.OpenUrl")
                                    $0.field("title", "Open incident")
                                    $0.field("url", url)
                                }
                            }
                        }
                        $0.object("msteams") { $0.field("width", "Full") }
                    }
                }
            }
        }
        return json.bytes
    }

    private static func body(
        _ json: inout JSONWriter, _ message: Message, _ templates: MessageTemplates, alerts: Int, length: Int
    ) {
        if let text = templates.text {
            json.object {
                $0.field("type", "TextBlock")
                $0.field("text", text(message, .markdown, limit: length * 8))
                $0.field("wrap", true)
            }
            return
        }
        for words in message.summary.prefix(5) { sentence(&json, words, length) }
        let facts = message.facts.prefix(12)
        if !facts.isEmpty {
            json.object {
                $0.field("type", "FactSet")
                $0.array("facts") { json in
                    for fact in facts {
                        json.object {
                            $0.field("title", Escaping.markdown(fact.name, limit: 50))
                            $0.field("value", Escaping.markdown(fact.value, limit: min(300, length)))
                        }
                    }
                }
            }
        }
        guard message.alertCount > 1 else { return }
        for alert in message.alerts.prefix(alerts) { sentence(&json, alert.line, length) }
        let rest = message.alertCount - min(message.alerts.count, alerts)
        if rest > 0 { sentence(&json, alerts == 0 ? "\(rest) alerts" : "and \(rest) more", length) }
    }

    private static func sentence(_ json: inout JSONWriter, _ text: String, _ limit: Int) {
        json.object {
            $0.field("type", "RichTextBlock")
            $0.array("inlines") { json in
                json.object {
                    $0.field("type", "TextRun")
                    $0.field("text", Escaping.plain(text, limit: limit))
                }
            }
        }
    }

    private static func color(_ message: Message) -> String {
        switch (message.status, message.severity) {
        case (.resolved, _): "Good"
        case (.test, _): "Accent"
        case (_, 4...6): "Attention"
        case (_, 3): "Warning"
        default: "Default"
        }
    }
}
