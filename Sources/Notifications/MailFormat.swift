// SPDX-License-Identifier: Apache-2.0
import AuditEvent

/// A mail (RFC 5322) with a plain and an HTML part (RFC 2046 section 5.1.4). Its id follows from the notification's, and all
/// mails of an incident refer to one id, so that they are one thread.
package struct MailFormat: Sendable {
    let from: MailAddress
    let to: [MailAddress]

    package init(from: MailAddress, to: [MailAddress]) {
        self.from = from
        self.to = to
    }

    /// Alerts that are listed.
    private static let alerts = 50

    func payload(_ message: Message, _ templates: MessageTemplates = MessageTemplates()) -> Payload {
        let subject =
            templates.title?(message, .plain, limit: 200, keepsLines: false)
            ?? Escaping.plain(message.heading, limit: 200)
        let id = "<\(MailHeader.idText(message.id))@\(from.domain)>"
        let thread = "<incident.\(MailHeader.idText(message.threadKey))@\(from.domain)>"
        // Quoted-printable text has no "=_".
        let boundary = "=_gatewatch_\(MailHeader.idText(message.id).suffix(40))"
        var lines = [
            "From: \(from.header)", "To: \(to.map(\.header).joined(separator: ",\r\n "))",
            "Subject: \(MailHeader.text(subject))", "Date: \(MailHeader.date(message.generatedAt))",
            "Message-ID: \(id)",
        ]
        if message.status != .test { lines += ["In-Reply-To: \(thread)", "References: \(thread)"] }
        lines += [
            // RFC 3834: no vacation notice answers it.
            "Auto-Submitted: auto-generated", "MIME-Version: 1.0",
            "Content-Type: multipart/alternative; boundary=\"\(boundary)\"", "",
        ]
        func part(_ type: String, _ text: String) {
            lines += [
                "--\(boundary)", "Content-Type: \(type); charset=utf-8", "Content-Transfer-Encoding: quoted-printable",
                "",
                MailHeader.quotedPrintable(text),
            ]
        }
        part("text/plain", templates.text?(message, .plain, limit: 200_000) ?? Self.text(message))
        part("text/html", templates.html?(message, .html, limit: 400_000) ?? Self.html(message))
        lines.append("--\(boundary)--")
        return Payload(contentType: "message/rfc822", body: Array((lines.joined(separator: "\r\n") + "\r\n").utf8))
    }

    private static func text(_ message: Message) -> String {
        let plain = Escaping.plain
        var lines = [plain(message.heading, limit: 500), ""]
        lines += message.summary.prefix(10).map { plain($0, limit: 2_000) }
        lines.append("")
        lines += message.facts.map { "\(plain($0.name, limit: 100)): \(plain($0.value, limit: 2_000))" }
        if let url = message.link { lines += ["", url] }
        if !message.alerts.isEmpty {
            lines.append("")
            lines += message.alerts.prefix(alerts).map { plain($0.line, limit: 2_000) }
        }
        let rest = message.alertCount - min(message.alerts.count, alerts)
        if rest > 0 { lines.append("and \(rest) more") }
        return lines.joined(separator: "\n")
    }

    /// Styles stand in the tags: mail programs drop style sheets. Nothing is loaded from anywhere.
    private static func html(_ message: Message) -> String {
        let html = Escaping.html
        let cell = "style=\"padding:2px 12px 2px 0;vertical-align:top;text-align:left\""
        var lines = [
            "<!DOCTYPE html><html lang=\"en\"><body style=\"font-family:sans-serif;font-size:14px\">",
            "<h1 style=\"font-size:18px;border-left:6px solid \(color(message));padding-left:10px\">",
            html(message.heading, limit: 500), "</h1>",
        ]
        lines += message.summary.prefix(10).map { "<p>\(html($0, limit: 2_000))</p>" }
        lines.append("<table>")
        lines += message.facts.map {
            "<tr><th scope=\"row\" \(cell)>\(html($0.name, limit: 100))</th><td \(cell)>\(html($0.value, limit: 2_000))</td></tr>"
        }
        lines.append("</table>")
        if let url = message.link { lines.append("<p><a href=\"\(html(url))\">Open the incident</a></p>") }
        if message.alertCount > 1 {
            lines.append("<ul>")
            lines += message.alerts.prefix(alerts).map { "<li>\(html($0.line, limit: 2_000))</li>" }
            let rest = message.alertCount - min(message.alerts.count, alerts)
            if rest > 0 { lines.append("<li>and \(rest) more</li>") }
            lines.append("</ul>")
        }
        lines.append("</body></html>")
        return lines.joined(separator: "\n")
    }

    private static func color(_ message: Message) -> String {
        switch (message.status, message.severity) {
        case (.resolved, _): "#2e7d32"
        case (.test, _): "#1565c0"
        case (_, 4...6): "#c62828"
        case (_, 3): "#ef6c00"
        default: "#616161"
        }
    }
}
