// SPDX-License-Identifier: Apache-2.0

/// Writes JSON (RFC 8259), UTF-8, in the order of the calls. Foundation's encoders do not promise the same bytes everywhere,
/// and cost several times as much.
package struct JSONWriter: Sendable {
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// - Parameter capacity: bytes to make room for.
    package init(capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    package mutating func object(_ key: StaticString? = nil, _ body: (inout JSONWriter) -> Void) {
        nested(key, UInt8(ascii: "{"), UInt8(ascii: "}"), body)
    }

    package mutating func array(_ key: StaticString? = nil, _ body: (inout JSONWriter) -> Void) {
        nested(key, UInt8(ascii: "["), UInt8(ascii: "]"), body)
    }

    /// An array of so many elements, each written by `body`.
    package mutating func array<Element>(
        _ key: StaticString? = nil, _ elements: [Element], _ body: (inout JSONWriter, Element) -> Void
    ) {
        array(key) { json in for element in elements { body(&json, element) } }
    }

    package mutating func field(_ key: StaticString? = nil, _ value: String) {
        start(key)
        quote(value)
        needsComma = true
    }

    /// A field whose name is not known beforehand.
    package mutating func field(named key: String, _ value: String) {
        start(nil)
        quote(key)
        bytes.append(UInt8(ascii: ":"))
        quote(value)
        needsComma = true
    }

    /// A name that is not known beforehand; its value must follow, without a key.
    package mutating func key(_ key: String) {
        start(nil)
        quote(key)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// A value that is JSON already.
    package mutating func raw(_ json: String) {
        start(nil)
        bytes.append(contentsOf: json.utf8)
        needsComma = true
    }

    package mutating func null(_ key: StaticString? = nil) {
        start(key)
        append("null")
        needsComma = true
    }

    package mutating func field(_ key: StaticString? = nil, _ value: Int64) {
        start(key)
        append(decimal: value)
        needsComma = true
    }

    package mutating func field(_ key: StaticString? = nil, _ value: Int) { field(key, Int64(value)) }

    package mutating func field(_ key: StaticString? = nil, _ value: Bool) {
        start(key)
        append(value ? "true" : "false")
        needsComma = true
    }

    /// A number; whole ones without a fraction.
    package mutating func field(_ key: StaticString? = nil, _ value: Double) {
        if value == value.rounded(), abs(value) < 9e15 { return field(key, Int64(value)) }
        start(key)
        bytes.append(contentsOf: String(value).utf8)
        needsComma = true
    }

    /// A line break before the next value, for files that people read.
    package mutating func lineBreak() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = false
        bytes.append(UInt8(ascii: "\n"))
    }

    private mutating func nested(
        _ key: StaticString?, _ open: UInt8, _ close: UInt8, _ body: (inout JSONWriter) -> Void
    ) {
        start(key)
        bytes.append(open)
        needsComma = false
        body(&self)
        bytes.append(close)
        needsComma = true
    }

    private mutating func start(_ key: StaticString?) {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        guard let key else { return }
        bytes.append(UInt8(ascii: "\""))
        append(key)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    /// Keys are ours: they need no escapes.
    private mutating func append(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func append(decimal value: Int64) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var index = 20
            var rest = value.magnitude
            repeat {
                index -= 1
                digits[index] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            } while rest > 0
            if value < 0 { bytes.append(UInt8(ascii: "-")) }
            bytes.append(contentsOf: digits[index...])
        }
    }

    private mutating func quote(_ text: String) {
        var text = text
        bytes.append(UInt8(ascii: "\""))
        text.withUTF8 { utf8 in
            var clean = 0
            for index in utf8.indices {
                let byte = utf8[index]
                guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
                bytes.append(contentsOf: utf8[clean..<index])
                clean = index + 1
                bytes.append(UInt8(ascii: "\\"))
                if byte < 0x20 {
                    append("u00")
                    bytes.append(Self.hex(byte >> 4))
                    bytes.append(Self.hex(byte & 15))
                } else {
                    bytes.append(byte)
                }
            }
            bytes.append(contentsOf: utf8[clean...])
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func hex(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }
}
