// SPDX-License-Identifier: Apache-2.0

/// What the numbers of a chart are, and so how they are written. No locale has a say: the same number, the same text.
package enum ChartUnit: Sendable, Hashable {
    /// Things counted: 950, 12.5k, 3M.
    case count
    /// Bytes in IEC units: 512 B, 1.5 GiB.
    case bytes
    /// A number of hundred: 12 %.
    case percent
    /// A number as it is.
    case number

    /// The number in words of the unit; three significant digits at most where it is cut.
    package func text(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        return switch self {
        case .count: Self.scaled(value, by: 1000, names: ["", "k", "M", "G", "T", "P", "E"], space: "")
        case .bytes:
            Self.scaled(value, by: 1024, names: ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"], space: " ")
        case .percent: "\(NumberText.fixed(value, 1)) %"
        case .number: abs(value) < 1e6 ? NumberText.fixed(value, 2) : NumberText.scientific(value)
        }
    }

    private static func scaled(_ value: Double, by step: Double, names: [String], space: String) -> String {
        var rest = abs(value)
        var index = 0
        // 999.95 would be written as 1000.
        while rest >= step - (index == 0 ? 0.5 : 0.05), index < names.count - 1 {
            rest /= step
            index += 1
        }
        let sign = value < 0 ? "-" : ""
        if rest >= step * 10 { return NumberText.scientific(value) + (space.isEmpty ? "" : " B") }
        let digits = index == 0 && space == " " ? 0 : rest >= 100 ? 0 : rest >= 10 ? 1 : 2
        let text = NumberText.fixed(rest, digits)
        return (text == "0" ? "" : sign) + text + space + names[index]
    }
}

/// Numbers as text without a locale.
package enum NumberText {
    /// At most so many decimals, rounded half away from zero, without zeros at the end; never `-0`. What is too large for that is
    /// written as a power of ten.
    package static func fixed(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite else { return "–" }
        var factor: Int64 = 1
        for _ in 0..<decimals { factor *= 10 }
        let scaled = (abs(value) * Double(factor)).rounded()
        guard scaled < 9e15 else { return scientific(value) }
        let number = Int64(scaled)
        var text = String(number / factor)
        var fraction = number % factor
        if fraction > 0 {
            var digits = decimals
            while fraction % 10 == 0 {
                fraction /= 10
                digits -= 1
            }
            let tail = String(fraction)
            text += "." + String(repeating: "0", count: digits - tail.count) + tail
        }
        return value < 0 && number > 0 ? "-" + text : text
    }

    /// `1.2e+30`.
    static func scientific(_ value: Double) -> String {
        guard value != 0, value.isFinite else { return "0" }
        var mantissa = abs(value)
        var exponent = 0
        while mantissa >= 9.95 {
            mantissa /= 10
            exponent += 1
        }
        while mantissa < 0.995 {
            mantissa *= 10
            exponent -= 1
        }
        return (value < 0 ? "-" : "") + fixed(mantissa, 1) + "e" + (exponent < 0 ? "-" : "+") + String(abs(exponent))
    }

    /// A whole number with a thin gap between thousands: `12 345`.
    package static func grouped(_ value: Int64) -> String {
        let digits = String(value.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "\u{202F}" }
            text.append(digit)
        }
        return (value < 0 ? "-" : "") + text
    }
}
