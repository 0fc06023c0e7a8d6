// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// Lengths of time as Prometheus and Alertmanager write them: `30s`, `1h30m`, `1d`, `0s`.
package enum PrometheusDuration {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("y", 31_536_000_000), ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000),
        ("ms", 1),
    ]
    /// Ten years.
    private static let maximum: Int64 = 315_360_000_000

    /// Milliseconds; nil for what is no duration or is longer than ten years. Units come from the largest to the smallest, each
    /// once; a year has 365 days; a lone `0` needs no unit.
    package static func milliseconds(_ text: String) -> Int64? {
        if text == "0" { return 0 }
        var rest = Substring(text)
        var total: Int64 = 0
        var next = 0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(name.count)
            guard let count = Int64(digits), let index = units.firstIndex(where: { $0.name == name }), index >= next,
                count <= maximum / units[index].milliseconds
            else { return nil }
            total += count * units[index].milliseconds
            next = index + 1
        }
        return text.isEmpty || total > maximum ? nil : total
    }

    /// As people write it: `90000` → `1m30s`.
    package static func text(_ milliseconds: Int64) -> String {
        guard milliseconds > 0 else { return "0s" }
        var rest = milliseconds
        var text = ""
        for unit in units.dropFirst(2) where rest >= unit.milliseconds {
            text += "\(rest / unit.milliseconds)\(unit.name)"
            rest %= unit.milliseconds
        }
        return text
    }

    /// The duration at a node.
    static func milliseconds(_ node: YAMLNode) throws(DocumentError) -> Int64 {
        let text = try node.text()
        guard let value = milliseconds(text) else {
            throw node.error("'\(text)' is not a duration. Write 30s, 5m, 1h30m or 1d (at most ten years).")
        }
        return value
    }
}
