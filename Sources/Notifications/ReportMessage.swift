// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Delivery
import Foundation
import JSONText

/// A report on its way to receivers: by mail with the HTML attached, by webhook as JSON.
package struct ReportMessage: Sendable {
    /// The `webhook-id` of every delivery of it: 1 to 200 of `[A-Za-z0-9_-]`.
    package var id: String
    package var subject: String
    /// ms since the epoch, UTC.
    package var time: Int64
    /// What is said in the mail itself.
    package var lines: [String]
    package var fileName: String
    package var html: [UInt8]
    /// A JSON document in UTF-8.
    package var json: [UInt8]

    package init(
        id: String, subject: String, time: Int64, lines: [String], fileName: String, html: [UInt8], json: [UInt8]
    ) {
        self.id = id
        self.subject = subject
        self.time = time
        self.lines = lines
        self.fileName = fileName
        self.html = html
        self.json = json
    }
}

extension MessageFormat {
    /// Whether it has a form for a report.
    package var carriesReports: Bool {
        switch self {
        case .mail, .webhook: true
        default: false
        }
    }

    /// What is sent of a report; nil for media that have no form for one.
    package func payload(report message: ReportMessage) -> Payload? {
        switch self {
        case .mail(let mail, _): mail.payload(message)
        case .webhook: Self.webhook(message)
        default: nil
        }
    }

    /// Standard Webhooks: `type`, `timestamp`, `data`. One that the outbox would not take says where to look instead.
    private static func webhook(_ message: ReportMessage) -> Payload {
        func body(_ data: [UInt8]) -> [UInt8] {
            Array(#"{"type":"gatewatch.report.weekly","timestamp":"\#(Timestamp.iso8601(message.time))","data":"#.utf8)
                + data + [UInt8(ascii: "}")]
        }
        // A line feed at its end is no part of the value.
        let whole = body(message.json.last == 0x0A ? Array(message.json.dropLast()) : message.json)
        guard whole.count > DeliveryOutbox.maximumBodyBytes else { return .json(whole) }
        var json = JSONWriter()
        json.object {
            $0.field("subject", message.subject)
            $0.field("too_large", true)
        }
        return .json(body(json.bytes))
    }
}

extension MailFormat {
    /// Room for headers and text beside what is attached.
    private static let attachmentBytes = DeliveryOutbox.maximumBodyBytes - 64 * 1024

    /// A mail of a text and a file (RFC 2183). A file that the outbox would not take is left out, and the text says so.
    func payload(_ message: ReportMessage) -> Payload {
        let boundary = "=_gatewatch_\(MailHeader.idText(message.id).suffix(40))"
        let file = Data(message.html).base64EncodedString(options: [
            .lineLength76Characters, .endLineWithCarriageReturn, .endLineWithLineFeed,
        ])
        let fits = file.utf8.count <= Self.attachmentBytes
        let plain = Escaping.plain
        var text = [plain(message.subject, limit: 200), ""] + message.lines.map { "- " + plain($0, limit: 2_000) }
        text += [
            "",
            fits
                ? "The report is attached; it opens in any browser and prints."
                : "The report is too large to be attached: see the console.",
        ]
        var lines = [
            "From: \(from.header)", "To: \(to.map(\.header).joined(separator: ",\r\n "))",
            "Subject: \(MailHeader.text(plain(message.subject, limit: 200)))", "Date: \(MailHeader.date(message.time))",
            "Message-ID: <\(MailHeader.idText(message.id))@\(from.domain)>",
            // RFC 3834: no vacation notice answers it.
            "Auto-Submitted: auto-generated", "MIME-Version: 1.0",
            "Content-Type: multipart/mixed; boundary=\"\(boundary)\"", "",
            "--\(boundary)", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable",
            "",
            MailHeader.quotedPrintable(text.joined(separator: "\n")),
        ]
        if fits {
            lines += [
                "--\(boundary)", "Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: base64",
                "Content-Disposition: attachment; filename=\"\(message.fileName)\"", "", file,
            ]
        }
        lines.append("--\(boundary)--")
        return Payload(contentType: "message/rfc822", body: Array((lines.joined(separator: "\r\n") + "\r\n").utf8))
    }
}
