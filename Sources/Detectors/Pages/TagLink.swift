// SPDX-License-Identifier: Apache-2.0

/// Where the tags of a rule are explained (Sigma specification, appendix "Tags").
enum TagLink {
    /// Tactics of ATT&CK for Enterprise by their names in tags (https://attack.mitre.org/tactics/enterprise/).
    private static let tactics = [
        "reconnaissance": "TA0043", "resource-development": "TA0042", "initial-access": "TA0001", "execution": "TA0002",
        "persistence": "TA0003", "privilege-escalation": "TA0004", "defense-evasion": "TA0005",
        "credential-access": "TA0006", "discovery": "TA0007", "lateral-movement": "TA0008", "collection": "TA0009",
        "exfiltration": "TA0010", "command-and-control": "TA0011", "impact": "TA0040",
    ]

    /// The tag in Markdown: a link where it names something with a page, else as it is.
    static func markdown(_ tag: String) -> String {
        let parts = tag.split(separator: ".", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return "`\(tag)`" }
        switch parts[0] {
        case "attack": return attack(parts[1]) ?? "`\(tag)`"
        case "atlas":
            let id = parts[1].uppercased()
            return id.hasPrefix("AML.TA")
                ? "[\(id)](https://atlas.mitre.org/tactics/\(id))"
                : id.hasPrefix("AML.T") ? "[\(id)](https://atlas.mitre.org/techniques/\(id))" : "`\(tag)`"
        case "cve":
            let id = "CVE-\(parts[1].uppercased())"
            return "[\(id)](https://nvd.nist.gov/vuln/detail/\(id))"
        default: return "`\(tag)`"
        }
    }

    private static func attack(_ name: String) -> String? {
        let id = name.uppercased()
        // `defense_evasion` is how tags were written before version 2.0 of the specification.
        let words = name.replacing("_", with: "-")
        if let tactic = tactics[words] {
            return "[\(words.replacing("-", with: " "))](https://attack.mitre.org/tactics/\(tactic)/)"
        }
        guard id.dropFirst().allSatisfy({ $0.isNumber || $0 == "." }), id.count > 1 else { return nil }
        let path = id.replacing(".", with: "/")
        switch id.first {
        case "T": return "[\(id)](https://attack.mitre.org/techniques/\(path)/)"
        case "G": return "[\(id)](https://attack.mitre.org/groups/\(path)/)"
        case "S": return "[\(id)](https://attack.mitre.org/software/\(path)/)"
        default: return nil
        }
    }
}
