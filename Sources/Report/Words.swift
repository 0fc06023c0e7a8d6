// SPDX-License-Identifier: Apache-2.0

import Charts

/// Numbers in sentences.
enum Words {
    /// `1 alert`, `2 alerts`, `no alerts`.
    static func count(_ count: Int, _ name: String) -> String {
        switch count {
        case 0: "no \(plural(name))"
        case 1: "1 \(name)"
        default: "\(NumberText.grouped(Int64(count))) \(plural(name))"
        }
    }

    private static func plural(_ name: String) -> String {
        if name.hasSuffix("y"), !name.hasSuffix("ay") { return name.dropLast() + "ies" }
        return name + (name.hasSuffix("ch") ? "es" : "s")
    }

    /// `a, b and c`.
    static func list(_ names: [String]) -> String {
        guard let last = names.last, names.count > 1 else { return names.first ?? "" }
        return names.dropLast().joined(separator: ", ") + " and " + last
    }

    /// `3 min 20 s`; of days and hours the minutes are left out.
    static func duration(_ milliseconds: Double) -> String {
        guard milliseconds.isFinite, milliseconds >= 0 else { return "–" }
        if milliseconds < 1000 { return "\(Int(milliseconds.rounded())) ms" }
        let seconds = Int64(min(milliseconds / 1000, 1e12).rounded())
        let parts = [
            (seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s"),
        ]
        guard let first = parts.firstIndex(where: { $0.0 > 0 }) else { return "0 s" }
        return parts[first...].prefix(2).filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: " ")
    }

    /// `+12 %`, `−3 %`; against nothing there is no share.
    static func change(_ now: Double, _ before: Double) -> String {
        guard before > 0 else { return now > 0 ? "none before" : "unchanged" }
        let share = (now / before - 1) * 100
        if abs(share) < 0.05 { return "unchanged" }
        if now >= before * 10 { return "\(NumberText.fixed(now / before, 0)) times as much" }
        return (share > 0 ? "+" : "−") + NumberText.fixed(abs(share), abs(share) >= 100 ? 0 : 1) + " %"
    }

    /// `+3`, `−3`, `±0`.
    static func signed(_ value: Double) -> String {
        let text = NumberText.fixed(abs(value), 1)
        return text == "0" ? "±0" : (value > 0 ? "+" : "−") + text
    }
}
