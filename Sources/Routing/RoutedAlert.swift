// SPDX-License-Identifier: Apache-2.0

package import Finding

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

    /// An alert of a finding; docs/routing.md has the table of labels.
    ///
    /// - Parameter json: the finding as it came.
    package init(_ finding: DetectionFinding, json: [UInt8]) {
        id = finding.id
        startsAt = finding.time
        labels = Self.labels(of: finding)
        self.finding = json
    }

    private static func labels(of finding: DetectionFinding) -> LabelSet {
        var pairs: [(String, String)] = [
            ("alert", finding.id), ("alertname", finding.ruleName ?? finding.title),
            ("rule", finding.ruleID ?? finding.title), ("severity", Severity.word(finding.severity)),
        ]
        func add(_ name: String, _ value: String?) {
            if let value { pairs.append((name, value)) }
        }
        add("identity", finding.identity)
        add("incident", finding.incident)
        add("status", finding.ruleStatus)
        add("risk_score", finding.riskScore.map { String($0) })
        add("risk_level", finding.riskLevel)
        add("tenant", finding.tenant)
        add("tactic", list(finding.tags?.compactMap(tactic)))
        add("technique", list(finding.techniques))
        // Last: what an event says must not stand in for what the detector says.
        for entry in finding.group.prefix(maximumGroupFields) { pairs.append((labelName(entry.field), entry.value)) }
        return LabelSet(pairs.map { ($0.0, cut($0.1)) })
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
}
