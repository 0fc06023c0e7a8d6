// SPDX-License-Identifier: Apache-2.0

/// A strict reader of JSON (RFC 8259) that refuses what Foundation's lets pass: an object that has a member twice,
/// which two readers may understand differently (RFC 7515 section 4, RFC 7519 section 4).
struct JSONReader {
    /// Objects and arrays inside each other, at most.
    static let maximumDepth = 32
    /// Bytes of one number, at most.
    private static let maximumNumberBytes = 64

    private let bytes: [UInt8]
    private var position = 0

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The one value in the bytes.
    static func value(_ bytes: [UInt8]) throws(JSONFault) -> JSONValue {
        var reader = JSONReader(bytes)
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.position == bytes.count else { throw reader.fault("something follows the value") }
        return value
    }

    private func fault(_ reason: String) -> JSONFault { JSONFault(reason: reason, offset: position) }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONFault) -> JSONValue {
        guard depth < Self.maximumDepth else { throw fault("the nesting is too deep") }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case nil: throw fault("it ends too early")
        default: return .number(try number())
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONFault) -> JSONValue {
        for index in 0..<text.utf8CodeUnitCount {
            guard take(text.utf8Start[index]) else { throw fault("it is not JSON") }
        }
        return value
    }

    private mutating func object(depth: Int) throws(JSONFault) -> [String: JSONValue] {
        position += 1
        var members: [String: JSONValue] = [:]
        skipSpace()
        if take(UInt8(ascii: "}")) { return members }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw fault("a member's name is missing") }
            let name = try string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw fault("a colon is missing") }
            let value = try value(depth: depth + 1)
            guard members.updateValue(value, forKey: name) == nil else { throw fault("a member is there twice") }
            skipSpace()
            if take(UInt8(ascii: "}")) { return members }
            guard take(UInt8(ascii: ",")) else { throw fault("a comma is missing") }
        }
    }

    private mutating func array(depth: Int) throws(JSONFault) -> [JSONValue] {
        position += 1
        var values: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return values }
        while true {
            values.append(try value(depth: depth + 1))
            skipSpace()
            if take(UInt8(ascii: "]")) { return values }
            guard take(UInt8(ascii: ",")) else { throw fault("a comma is missing") }
        }
    }

    private mutating func number() throws(JSONFault) -> Double {
        let start = position
        _ = take(UInt8(ascii: "-"))
        let digits = takeDigits()
        guard digits > 0 else { throw fault("it is not JSON") }
        let first = bytes[position - digits]
        guard digits == 1 || first != UInt8(ascii: "0") else { throw fault("a number starts with 0") }
        if take(UInt8(ascii: ".")) {
            guard takeDigits() > 0 else { throw fault("a number ends too early") }
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            guard takeDigits() > 0 else { throw fault("a number ends too early") }
        }
        guard position - start <= Self.maximumNumberBytes,
            let number = Double(String(decoding: bytes[start..<position], as: UTF8.self))
        else { throw fault("a number is too long") }
        return number
    }

    private mutating func takeDigits() -> Int {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position - start
    }
}

extension JSONReader {
    private mutating func string() throws(JSONFault) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else { throw fault("text is not UTF-8") }
                return string
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw fault("text has a raw control character")
            default: text.append(byte)
            }
        }
        throw fault("it ends too early")
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONFault) {
        guard let byte = next else { throw fault("it ends too early") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            if (0xD800..<0xDC00).contains(code) {
                guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else { throw fault("half a surrogate pair") }
                let low = try hexadecimal()
                guard (0xDC00..<0xE000).contains(low) else { throw fault("half a surrogate pair") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            // nil for the second half of a pair on its own.
            guard let scalar = Unicode.Scalar(code) else { throw fault("half a surrogate pair") }
            text.append(contentsOf: UTF8.encode(scalar) ?? .init())
        default: throw fault("an escape is unknown")
        }
    }

    private mutating func hexadecimal() throws(JSONFault) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw fault("an escape is not hexadecimal")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }
}
