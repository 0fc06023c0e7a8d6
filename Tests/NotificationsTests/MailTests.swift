// SPDX-License-Identifier: Apache-2.0
import Foundation
import Independent
import Notifications
import Testing

@Suite struct MailTests {
    private func format(_ to: String = "Security Team <soc@example.com>, ana@example.com") throws -> MailFormat {
        MailFormat(from: try MailAddress("Gatewatch <gatewatch@example.org>"), to: try MailAddress.list(to))
    }

    private func mail(_ message: Message, _ templates: MessageTemplates = .init()) throws -> Payload {
        try #require(MessageFormat.mail(try format(), templates).payload(message))
    }

    /// Header lines, unfolded.
    private func headers(_ payload: Payload) -> [(name: String, value: String)] {
        let head = text(payload).components(separatedBy: "\r\n\r\n")[0].replacing("\r\n ", with: " ")
        return head.components(separatedBy: "\r\n").map { line in
            let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
            return (parts[0], parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : "")
        }
    }

    @Test func noTextMakesAHeader() throws {
        let names = [
            "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
            "MIME-Version",
            "Content-Type",
        ]
        for message in hostileMessages {
            let payload = try mail(message)
            #expect(payload.body.allSatisfy { $0 < 0x7F })
            let lines = text(payload).components(separatedBy: "\r\n")
            #expect(lines.allSatisfy { $0.utf8.count <= 998 && !$0.utf8.contains { $0 < 0x20 || $0 == 0x7F } })
            let found = headers(payload).map(\.name)
            #expect(
                message.status == .test
                    ? found == names.filter { $0 != "In-Reply-To" && $0 != "References" } : found == names)
        }
    }

    @Test func mailsOfOneIncidentAreOneThread() throws {
        let first = headers(try mail(message(id: "ntf_1")))
        let second = headers(try mail(message(.resolved, id: "ntf_2")))
        func value(_ headers: [(name: String, value: String)], _ name: String) -> String? {
            headers.first { $0.name == name }?.value
        }
        #expect(
            value(first, "Message-ID") == "<ntf_1@example.org>" && value(second, "Message-ID") == "<ntf_2@example.org>")
        #expect(value(first, "References") == "<incident.inc-7@example.org>")
        #expect(value(first, "References") == value(second, "References"))
        #expect(value(first, "In-Reply-To") == value(second, "References"))
        #expect(value(first, "Date") == "Wed, 18 Nov 2026 11:07:40 +0000")
        #expect(try mail(message()) == mail(message()))
    }

    @Test(.enabled(if: Python.has("aiosmtpd"), "\(Python.reason)"))
    func pythonsMailReaderFindsTheSameTextAndNoFault() throws {
        let words = "Größe <script>alert(1)</script>\r\nBcc: eve@evil.example 日本語 " + String(repeating: "é", count: 220)
        let mail = try mail(message(.firing, [finding(title: words, message: words + "=20.\n.\nend ")]))
        let answer = try Python.check(["mail"], one: ["content": Data(mail.body).base64EncodedString()])
        let read = try #require(answer.result, "\(answer.error ?? "")")
        #expect((read["defects"] as? [String])?.isEmpty == true)
        #expect(read["to"] as? [String] == ["Security Team <soc@example.com>", "ana@example.com"])
        let headers = try #require(read["headers"] as? [[String]])
        let subject = try #require(headers.first { $0[0] == "Subject" }?[1])
        #expect(
            subject.hasPrefix("HIGH Größe <script>alert(1)</script>  Bcc: eve@evil.example 日本語 éé")
                && subject.hasSuffix("…"))
        #expect(!headers.contains { $0[0] == "Bcc" })
        let plain = try #require(read["text"] as? String)
        #expect(
            plain.contains("Größe <script>alert(1)</script>  Bcc: eve@evil.example") && plain.contains("=20. . end"))
        let html = try #require(read["html"] as? String)
        #expect(html.contains("&lt;script&gt;") && !html.contains("<script"))
    }

    @Test(arguments: [
        "", "soc", "@example.com", "soc@", "a b@example.com", "a@b@c", "x <a@example.com", "a@example.com>\r\nBcc: b",
        "ü@example.com",
        "<a@example.com>\r\n", "\"a b\"@example.com",
    ])
    func whatIsNoAddressIsRefused(text: String) {
        if text == "<a@example.com>\r\n" {
            #expect(throws: Never.self) { try MailAddress(text) }
        } else {
            #expect(throws: MailAddressError.self) { try MailAddress(text) }
        }
    }
}
