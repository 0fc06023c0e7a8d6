import AuditEvent
// SPDX-License-Identifier: Apache-2.0
import Finding
import Foundation
import Mustache

/// A Mustache template of one part of a message, written by the operator.
///
/// Values are escaped for the medium before the template sees them, so that no tag of it can send them unescaped.
package struct MessageTemplate: Sendable {
    /// Characters that a template may have.
    package static let maximumCharacters = 100_000

    private let template: MustacheTemplate

    /// - Parameters:
    ///   - text: the template.
    ///   - source: its file, or the configuration's file and key, for messages.
    ///   - firstLine: the line in `source` at which `text` begins.
    /// - Throws: ``TemplateError`` with file and line.
    package init(_ text: String, source: String, firstLine: Int = 1) throws(TemplateError) {
        guard text.utf8.count <= Self.maximumCharacters else {
            throw TemplateError(source: source, line: firstLine, reason: "it is over 100 kB")
        }
        if let range = text.range(of: "{{>") ?? text.range(of: "{{<") {
            let line = firstLine + text[..<range.lowerBound].count { $0.isNewline }
            throw TemplateError(source: source, line: line, reason: "it asks for another template; there are none")
        }
        do {
            // Values come escaped: Mustache's own escapes would be for HTML, and twice.
            template = try MustacheTemplate(string: "{{% CONTENT_TYPE:TEXT}}" + text)
        } catch let error as MustacheTemplate.ParserError {
            throw TemplateError(
                source: source, line: firstLine - 1 + error.context.lineNumber,
                reason: "\(error.error) at '\(error.context.line.prefix(80))'")
        } catch {
            throw TemplateError(source: source, line: firstLine, reason: "\(error)")
        }
    }

    func callAsFunction(_ message: Message, _ escape: Escaping, limit: Int, keepsLines: Bool = true) -> String {
        let text = template.render(Self.values(message, escape))
        // What the template wrote is the operator's; only the length is ours.
        guard text.utf16.count > limit else { return keepsLines ? text : text.replacing("\n", with: " ") }
        return String(Escaping.plain(text, limit: limit, keepsLines: keepsLines))
    }

    /// The names that a template may use; docs/notifications.md lists them.
    private static func values(_ message: Message, _ escape: Escaping) -> [String: Any] {
        func text(_ value: String) -> String { escape(value, limit: 10_000, keepsLines: true) }
        func labels(_ labels: [Message.Label]) -> [[String: Any]] {
            labels.map { ["name": text($0.name), "value": text($0.value)] }
        }
        var values: [String: Any] = [
            "id": text(message.id), "status": message.status.rawValue, "title": text(message.title),
            "heading": text(message.heading), "severity": Severity.word(message.severity),
            "severity_id": message.severity, "summary": message.summary.map(text), "facts": labels(message.facts),
            "group": labels(message.groupLabels), "count": message.alertCount, "omitted": message.omitted,
            "generated_at": Timestamp.iso8601(message.generatedAt),
            "is_firing": message.status == .firing, "is_resolved": message.status == .resolved,
            "is_test": message.status == .test,
        ]
        if let identity = message.identity { values["identity"] = text(identity) }
        if let incident = message.incident { values["incident"] = text(incident) }
        if let url = message.incidentURL { values["incident_url"] = text(url) }
        values["alerts"] = message.alerts.prefix(100).map { alert in
            var values: [String: Any] = [
                "id": text(alert.id), "title": text(alert.title), "rule": text(alert.rule),
                "severity": Severity.word(alert.severity), "severity_id": alert.severity,
                "time": Timestamp.iso8601(alert.time), "message": text(alert.message),
                "related_events": alert.relatedEvents.prefix(100).map(text), "techniques": alert.techniques.map(text),
                "group": labels(alert.group), "is_resolved": alert.isResolved,
            ]
            // Without these a section would take the message's own of the same name.
            values["identity"] = text(alert.identity ?? "")
            if let risk = alert.risk { values["risk"] = text(risk.description) }
            if let response = alert.response { values["response"] = text(response.words) }
            if let operation = alert.operation { values["operation"] = text(operation) }
            if let service = alert.service { values["service"] = text(service) }
            if let address = alert.address { values["address"] = text(address) }
            return values
        }
        return values
    }
}

/// The templates of a target; a part without one is the format's own.
package struct MessageTemplates: Sendable {
    /// The first line: Slack's header, the card's title, PagerDuty's summary, the mail's subject.
    package var title: MessageTemplate?
    /// The body, or the mail's plain part.
    package var text: MessageTemplate?
    /// The mail's HTML part.
    package var html: MessageTemplate?

    package init(title: MessageTemplate? = nil, text: MessageTemplate? = nil, html: MessageTemplate? = nil) {
        self.title = title
        self.text = text
        self.html = html
    }
}

/// A template that cannot be used.
package struct TemplateError: Error, Sendable, Equatable, CustomStringConvertible {
    package let source: String
    /// From 1.
    package let line: Int
    package let reason: String

    package var description: String { "\(source):\(line): the template cannot be used: \(reason)" }
}
