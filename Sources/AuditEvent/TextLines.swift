// SPDX-License-Identifier: Apache-2.0

import Foundation
import PCRE2
import YAMLDocument

/// How a mapping reads a log that is lines of text: patterns (PCRE2) whose named groups become the fields that the mapping's
/// `fields` then address.
///
///     lines:
///       records: ["{__REALTIME_TIMESTAMP} {_HOSTNAME} {SYSLOG_IDENTIFIER}: {MESSAGE}"]
///       headers: ['^(?<time>\S+) (?<host>\S+) sshd: (?<message>.*)$']
///       repeated: '^message repeated (?<count>\d+) times: \[ (?<message>.*)\]$'
///       messages:
///         - { event: failed, pattern: '^Failed password for (?<user>.*) from (?<addr>\S+)' }
///       zone: Europe/Berlin
///
/// A line that is a JSON object is first written as text by the first of `records` all of whose fields it has. The first of
/// `headers` that matches gives the line's time and, in the group `message`, what `messages` are tried on in their order; a header
/// without that group is a line of which no more is to be known.
package struct TextLines: Sendable, Equatable {
    struct Message: Sendable, Equatable {
        let event: String
        let pattern: String
    }

    /// Texts and, between them, the fields of a record: one text more than fields.
    struct Template: Sendable, Equatable {
        var texts: [String] = [""]
        var fields: [String] = []
    }

    /// Patterns of one mapping, and characters of one of them.
    static let maximumPatterns = 200
    static let maximumPatternLength = 4096

    let records: [Template]
    let headers: [String]
    let repeated: String?
    let messages: [Message]
    /// Of times that do not say theirs; nil for UTC.
    let zone: TimeZone?

    /// Reads the block `lines` of a mapping. Throws `DocumentError` for what is no pattern, a group that has no place, or an unknown
    /// time zone.
    init(_ node: YAMLNode) throws(DocumentError) {
        try node.refuseKeys(except: ["records", "headers", "repeated", "messages", "zone"])
        var records: [Template] = []
        for item in node["records"]?.items() ?? [] { records.append(try Self.template(item)) }
        self.records = records

        var headers: [String] = []
        var headerGroups: Set<String> = []
        for item in try node.required("headers").items() {
            let (pattern, groups) = try Self.pattern(item)
            guard groups.contains("time") else {
                throw item.error("has no group for the time. Write (?<time>…) around it.")
            }
            try Self.refuse(["event"], groups, item)
            headers.append(pattern)
            headerGroups.formUnion(groups)
        }
        guard !headers.isEmpty else { throw node.error("headers is empty. Write how a line begins.") }
        self.headers = headers

        repeated = try node["repeated"].map { item throws(DocumentError) in
            let (pattern, groups) = try Self.pattern(item)
            guard Set(groups) == ["count", "message"] else {
                throw item.error("needs the groups count and message and no other.")
            }
            return pattern
        }

        var messages: [Message] = []
        for item in node["messages"]?.items() ?? [] {
            try item.refuseKeys(except: ["event", "pattern"])
            let (pattern, groups) = try Self.pattern(item.required("pattern"))
            try Self.refuse(headerGroups.union(["event", "message", "time"]).sorted(), groups, item)
            messages.append(Message(event: try item.required("event").text(), pattern: pattern))
        }
        guard headers.count + messages.count <= Self.maximumPatterns else {
            throw node.error("has \(headers.count + messages.count) patterns; at most \(Self.maximumPatterns).")
        }
        self.messages = messages

        zone = try node["zone"].map { item throws(DocumentError) in
            let name = try item.text()
            guard let zone = TimeZone(identifier: name), !name.hasPrefix("GMT") else {
                throw item.error("'\(name)' is no time zone. Write one of the IANA database, such as Europe/Berlin.")
            }
            return zone
        }
    }

    /// The pattern in a node and the names of its groups.
    private static func pattern(_ node: YAMLNode) throws(DocumentError) -> (String, [String]) {
        let text = try node.text()
        guard text.unicodeScalars.count <= maximumPatternLength else {
            throw node.error("is longer than \(maximumPatternLength) characters.")
        }
        do throws(RegularExpression.PatternError) {
            return (text, try RegularExpression(text, []).groups.map(\.name))
        } catch {
            throw node.error("is no pattern: \(error.message) after \(error.offset) characters.")
        }
    }

    private static func refuse(_ names: [String], _ groups: [String], _ node: YAMLNode) throws(DocumentError) {
        guard let name = groups.first(where: names.contains) else { return }
        throw node.error(
            "names a group '\(name)', which an event of these lines has from elsewhere. Name it otherwise.")
    }

    private static func template(_ node: YAMLNode) throws(DocumentError) -> Template {
        let text = try node.text()
        var template = Template()
        var rest = Substring(text)
        while let open = rest.firstIndex(of: "{") {
            template.texts[template.texts.count - 1] += rest[..<open]
            guard let close = rest[open...].firstIndex(of: "}"), close > rest.index(after: open) else {
                throw node.error("has a '{' without a field and '}' after it. Write {MESSAGE}.")
            }
            template.fields.append(String(rest[rest.index(after: open)..<close]))
            template.texts.append("")
            rest = rest[rest.index(after: close)...]
        }
        template.texts[template.texts.count - 1] += rest
        guard !template.fields.isEmpty else { throw node.error("names no field of the record. Write {MESSAGE}.") }
        return template
    }
}
