// SPDX-License-Identifier: Apache-2.0

/// Writes JSON (RFC 8259) in the order of the calls. Foundation's encoders do not promise the same bytes everywhere.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    mutating func object(_ key: String? = nil, _ body: (inout JSONWriter) -> Void) {
        nested(key, "{", "}", body)
    }

    mutating func array(_ key: String? = nil, _ body: (inout JSONWriter) -> Void) {
        nested(key, "[", "]", body)
    }

    mutating func field(_ key: String? = nil, _ value: String) {
        start(key)
        quote(value)
        needsComma = true
    }

    mutating func field(_ key: String? = nil, _ value: Int64) {
        start(key)
        bytes.append(contentsOf: String(value).utf8)
        needsComma = true
    }

    mutating func field(_ key: String? = nil, _ value: Int) { field(key, Int64(value)) }

    mutating func field(_ key: String? = nil, _ value: Bool) {
        start(key)
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
        needsComma = true
    }

    /// A line break before the next value, for files that people read.
    mutating func lineBreak() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = false
        bytes.append(UInt8(ascii: "\n"))
    }

    private mutating func nested(_ key: String?, _ open: String, _ close: String, _ body: (inout JSONWriter) -> Void) {
        start(key)
        bytes.append(contentsOf: open.utf8)
        needsComma = false
        body(&self)
        bytes.append(contentsOf: close.utf8)
        needsComma = true
    }

    private mutating func start(_ key: String?) {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        guard let key else { return }
        quote(key)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            default:
                bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
