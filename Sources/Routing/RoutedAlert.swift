// SPDX-License-Identifier: Apache-2.0

import Foundation

/// An alert as routing sees it.
package struct RoutedAlert: Sendable, Equatable {
    /// `finding_info.uid`: who comes again is known by it.
    package var id: String
    package var labels: LabelSet
    /// `time` of the finding, ms since the epoch, UTC.
    package var startsAt: Int64
    /// The OCSF finding as it came.
    package var finding: [UInt8]

    package init(id: String, labels: LabelSet, startsAt: Int64, finding: [UInt8] = []) {
        self.id = id
        self.labels = labels
        self.startsAt = startsAt
        self.finding = finding
    }

    /// Bytes of a label's value; a longer one is cut.
    static let maximumValue = 1024
    /// Fields of `unmapped.group` that become labels.
    static let maximumGroupFields = 32

    /// Reads an OCSF Detection Finding (class 2004); docs/routing.md has the table of labels.
    ///
    /// - Throws: ``UnreadableFinding``.
    package init(finding bytes: [UInt8]) throws(UnreadableFinding) {
        let finding: Finding
        do {
            finding = try JSONDecoder().decode(Finding.self, from: Data(bytes))
        } catch {
            throw UnreadableFinding(reason: "\(error)")
        }
        id = finding.finding_info.uid
        startsAt = finding.time
        labels = Self.labels(of: finding)
        self.finding = bytes
    }

    private static func labels(of finding: Finding) -> LabelSet {
        let info = finding.finding_info
        var pairs: [(String, String)] = [
            ("alert", info.uid), ("alertname", info.analytic?.value?.name?.value ?? info.title),
            ("rule", info.analytic?.value?.uid?.value ?? info.title),
            ("severity", severity(finding.severity_id?.value)),
        ]
        func add(_ name: String, _ value: String?) {
            if let value { pairs.append((name, value)) }
        }
        let unmapped = finding.unmapped?.value
        add("identity", unmapped?.identity?.value)
        add("incident", unmapped?.incident_uid?.value)
        add("status", unmapped?.rule_status?.value)
        add("risk_score", finding.risk_score?.value.map { String($0) })
        add("risk_level", finding.risk_level?.value?.lowercased())
        add("tenant", finding.metadata?.value?.tenant_uid?.value)
        add("tactic", list(info.tags?.value?.compactMap { $0.value.flatMap { tactic($0.name) } }))
        add("technique", list(info.attacks?.value?.compactMap { $0.value?.technique?.value?.uid?.value }))
        // Last: what an event says must not stand in for what the detector says.
        let group = (unmapped?.group?.value ?? [:]).sorted { $0.key < $1.key }
        for (name, value) in group.prefix(maximumGroupFields) {
            if let value = value.value { pairs.append((labelName(name), value)) }
        }
        return LabelSet(pairs.map { ($0.0, cut($0.1)) })
    }

    /// OCSF's severities by their ids.
    private static func severity(_ id: Int?) -> String {
        switch id {
        case 1: "informational"
        case 2: "low"
        case 3: "medium"
        case 4: "high"
        case 5: "critical"
        case 6: "fatal"
        default: "unknown"
        }
    }

    /// `attack.exfiltration` → `exfiltration`; nil for techniques and other tags.
    private static func tactic(_ tag: String) -> String? {
        guard tag.hasPrefix("attack."), tag.dropFirst(7).allSatisfy({ $0.isLetter || $0 == "-" || $0 == "_" }) else {
            return nil
        }
        return String(tag.dropFirst(7))
    }

    /// Several values in one label: sorted, with commas between.
    private static func list(_ values: [String]?) -> String? {
        values.map { Set($0).sorted().joined(separator: ",") }
    }

    /// A field's name as the name of a label: `src_endpoint.ip` → `src_endpoint_ip`.
    private static func labelName(_ field: String) -> String {
        String(
            decoding: field.utf8.prefix(128).map { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    byte
                default: UInt8(ascii: "_")
                }
            }, as: UTF8.self)
    }

    private static func cut(_ value: String) -> String {
        guard value.utf8.count > maximumValue else { return value }
        var end = value.utf8.index(value.startIndex, offsetBy: maximumValue)
        while end.samePosition(in: value.unicodeScalars) == nil { end = value.utf8.index(before: end) }
        return String(value[..<end])
    }

    /// The fields that are read, named as OCSF names them. Only what makes a finding one must be right: what else has another type
    /// than expected gives no label.
    private struct Finding: Decodable {
        struct Info: Decodable {
            struct Analytic: Decodable {
                var uid: Lenient<String>?
                var name: Lenient<String>?
            }
            struct Attack: Decodable {
                struct Technique: Decodable { var uid: Lenient<String>? }
                var technique: Lenient<Technique>?
            }
            struct Tag: Decodable { var name: String }
            var uid: String
            var title: String
            var analytic: Lenient<Analytic>?
            var attacks: Lenient<[Lenient<Attack>]>?
            var tags: Lenient<[Lenient<Tag>]>?
        }
        struct Unmapped: Decodable {
            var identity: Lenient<String>?
            var incident_uid: Lenient<String>?
            var rule_status: Lenient<String>?
            var group: Lenient<[String: Lenient<String>]>?
        }
        struct Metadata: Decodable { var tenant_uid: Lenient<String>? }
        var time: Int64
        var severity_id: Lenient<Int>?
        var risk_score: Lenient<Int>?
        var risk_level: Lenient<String>?
        var metadata: Lenient<Metadata>?
        var finding_info: Info
        var unmapped: Lenient<Unmapped>?
    }

    private struct Lenient<Value: Decodable>: Decodable {
        let value: Value?

        init(from decoder: any Decoder) { value = try? Value(from: decoder) }
    }
}

/// Why a finding has no labels.
package struct UnreadableFinding: Error, Sendable, CustomStringConvertible {
    let reason: String

    package var description: String {
        "this is not an OCSF Detection Finding (\(reason)): give one as gatewatch backtest --format ocsf prints it"
    }
}
