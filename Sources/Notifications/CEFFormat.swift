import AuditEvent
// SPDX-License-Identifier: Apache-2.0
import Finding

/// ArcSight's Common Event Format, version 0, a line per alert, each in a frame of RFC 5424 with its octets counted
/// (RFC 5425 section 4.3, RFC 6587 section 3.4.1).
package struct CEFFormat: Sendable {
    /// HOSTNAME of every frame.
    private let host: String
    private let version: String
    /// RFC 5424 section 6.2.1; 13 is "log audit".
    private static let facility = 13
    /// What a receiver over TLS should take at least (RFC 5425 section 4.3.1).
    static let maximumBytes = 8_192
    /// The longest `msg`, in characters, of the CEF dictionary.
    private static let message = 1_023

    /// - Parameters:
    ///   - host: this machine's name; what is not printable US-ASCII is left out, as RFC 5424 wants it.
    ///   - version: of Gatewatch.
    package init(host: String, version: String) {
        let name = String(
            host.unicodeScalars.filter { (0x21...0x7E).contains($0.value) }.prefix(255).map(Character.init))
        self.host = name.isEmpty ? "-" : name
        self.version = version
    }

    /// The frames of a message's alerts, one after the other.
    func payload(_ message: Message) -> Payload {
        var body: [UInt8] = []
        for alert in message.alerts {
            let frame = frame(alert, message)
            body += Array("\(frame.count) ".utf8) + frame
        }
        return Payload(contentType: "application/vnd.syslog", body: body)
    }

    private func frame(_ alert: MessageAlert, _ message: Message) -> [UInt8] {
        let isTest = message.status == .test
        let priority = Self.facility * 8 + Severity.syslog(isTest ? 1 : alert.severity)
        let header =
            "<\(priority)>1 \(Timestamp.iso8601(message.generatedAt)) \(host) gatewatch - \(isTest ? "test" : "alert") - "
        for length in [1_000, 200, 50] {
            let frame = Array((header + line(alert, message, length)).utf8)
            if frame.count <= Self.maximumBytes || length == 50 { return frame }
        }
        return []
    }

    /// `CEF:0|…`, every value at most `length` characters.
    func line(_ alert: MessageAlert, _ message: Message, _ length: Int) -> String {
        let isTest = message.status == .test
        let header = [
            "CEF:0", "Gatewatch", "Gatewatch", Self.header(version, length), Self.header(alert.rule, length),
            Self.header((isTest ? "[TEST] " : "") + alert.title, length),
            String(Severity.cef(isTest ? 1 : alert.severity)),
        ].joined(separator: "|")
        var fields: [String] = []
        func add(_ key: String, _ value: String?, _ limit: Int? = nil) {
            if let value, !value.isEmpty { fields.append("\(key)=\(Self.value(value, limit ?? length))") }
        }
        func custom(_ number: String, _ label: String, _ value: String?) {
            guard let value, !value.isEmpty else { return }
            add(number, value)
            add("\(number)Label", label)
        }
        add("rt", String(alert.time))
        add("externalId", alert.id)
        add("suser", alert.identity ?? message.identity)
        add("src", alert.address.flatMap { Self.isIPv4($0) ? $0 : nil })
        add("c6a2", alert.address.flatMap { $0.contains(":") ? $0 : nil })
        if alert.address?.contains(":") == true { add("c6a2Label", "Source IPv6 Address") }
        add("act", alert.response?.action)
        add("outcome", alert.response?.decision)
        add("reason", alert.response?.reason)
        add("cat", alert.operation)
        add("destinationServiceName", alert.service)
        add("cnt", alert.relatedEvents.isEmpty ? nil : String(alert.relatedEvents.count))
        custom("cs1", "Incident", alert.incident ?? message.incident)
        custom("cs2", "Techniques", alert.techniques.joined(separator: ","))
        custom("cs3", "Order", alert.response?.order)
        custom("cs4", "Risk terms", alert.risk?.details)
        custom("cs5", "Incident URL", message.link)
        custom("cfp1", "Risk", alert.risk.map { String(Double($0.score)) })
        // Last: other programs read the values before a text of any length more surely.
        add("msg", alert.message, min(length, Self.message))
        return "\(header)|\(fields.joined(separator: " "))"
    }

    /// In the header `\` and `|` are escaped, and there is no line break.
    static func header(_ text: String, _ limit: Int) -> String {
        escaped(Escaping.plain(text, limit: limit), "\\|")
    }

    /// In the extension `\` and `=` are escaped, and a line break is `\n`.
    static func value(_ text: String, _ limit: Int) -> String {
        escaped(Escaping.plain(text.replacing("\r\n", with: "\n"), limit: limit, keepsLines: true), "\\=")
            .replacing("\n", with: "\\n")
    }

    /// By scalars: a mark that combines with `|` would hide it from a search for characters.
    private static func escaped(_ text: String, _ marks: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if marks.unicodeScalars.contains(scalar) { result.append("\\") }
            result.append(scalar)
        }
        return String(result)
    }

    private static func isIPv4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }
}
