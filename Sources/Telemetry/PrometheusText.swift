// SPDX-License-Identifier: Apache-2.0

/// The words of the Prometheus text exposition format 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
enum PrometheusText {
    /// Appends `name{labels} value` and a line feed.
    static func sample(_ name: String, _ labels: String, _ value: String, into text: inout String) {
        text += name
        if !labels.isEmpty {
            text += "{"
            text += labels
            text += "}"
        }
        text += " "
        text += value
        text += "\n"
    }

    /// A number as Go's `ParseFloat` reads it: whole numbers without a fraction, `+Inf`, `-Inf`, `NaN`.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        return "\(value)"
    }

    /// The inside of the braces, sorted by name: `a="1",b="2"`.
    static func labels(_ labels: [(name: String, value: String)]) -> String {
        labels.map { "\($0.name)=\"\(labelValue($0.value))\"" }.joined(separator: ",")
    }

    /// Backslash, double quote and line feed are escaped in label values.
    static func labelValue(_ value: String) -> String {
        escape(value, quote: true)
    }

    /// Backslash and line feed are escaped in help; quotes are not.
    static func help(_ text: String) -> String {
        escape(text, quote: false)
    }

    private static func escape(_ value: String, quote: Bool) -> String {
        var out = ""
        out.reserveCapacity(value.utf8.count)
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\"" where quote: out += "\\\""
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }

    /// A metric name: `[a-zA-Z_:][a-zA-Z0-9_:]*`; every other byte becomes `_`.
    static func metricName(_ name: String) -> String {
        sanitized(name, colon: true)
    }

    /// A label name: `[a-zA-Z_][a-zA-Z0-9_]*`. Names that start with `__` are Prometheus' own, so one `_` is taken off.
    static func labelName(_ name: String) -> String {
        var name = sanitized(name, colon: false)
        while name.hasPrefix("__") { name.removeFirst() }
        return name
    }

    private static func sanitized(_ name: String, colon: Bool) -> String {
        var bytes = name.utf8.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                return byte
            case UInt8(ascii: ":") where colon:
                return byte
            default:
                return UInt8(ascii: "_")
            }
        }
        if bytes.isEmpty || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[0]) {
            bytes.insert(UInt8(ascii: "_"), at: 0)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
