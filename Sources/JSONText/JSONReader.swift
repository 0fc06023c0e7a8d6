// SPDX-License-Identifier: Apache-2.0

/// Reads JSON (RFC 8259) strictly. Foundation's reader takes a member that stands twice, and says of none where it is.
struct JSONReader {
    let bytes: [UInt8]
    let rules: JSONValue.Rules
    private var position = 0

    init(bytes: [UInt8], rules: JSONValue.Rules) {
        self.bytes = bytes
        self.rules = rules
    }

    mutating func document() throws(JSONValue.Fault) -> JSONValue {
        let value = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw fault("something follows the value") }
        return value
    }

    private func fault(_ what: String) -> JSONValue.Fault {
        JSONValue.Fault(reason: "it is no JSON: \(what) at byte \(position)")
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard peek == byte else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONValue.Fault) -> JSONValue {
        guard depth <= rules.maximumDepth else {
            throw JSONValue.Fault(reason: "it is nested deeper than \(rules.maximumDepth) levels")
        }
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .text(try string())
        case UInt8(ascii: "t"): return try literal("true", .flag(true))
        case UInt8(ascii: "f"): return try literal("false", .flag(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: return try number()
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(JSONValue.Fault) -> JSONValue {
        let end = position + text.utf8CodeUnitCount
        let expected = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        guard end <= bytes.count, bytes[position..<end].elementsEqual(expected) else {
            throw fault("an unknown word")
        }
        position = end
        return value
    }

    private mutating func number() throws(JSONValue.Fault) -> JSONValue {
        let start = position
        func isDigit(_ byte: UInt8?) -> Bool {
            byte.map { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? false
        }
        func digits() throws(JSONValue.Fault) {
            guard isDigit(peek) else { throw fault("a number lacks a digit") }
            while isDigit(peek) { position += 1 }
        }
        if peek == UInt8(ascii: "-") { position += 1 }
        if peek == UInt8(ascii: "0") { position += 1 } else { try digits() }
        if peek == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            position += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard text.utf8.count <= rules.maximumNumberBytes else { throw fault("a number that is too long") }
        if let whole = Int64(text) { return .integer(whole) }
        guard let double = Double(text), double.isFinite || rules.takesHugeNumbers else {
            throw fault("a number that is too large")
        }
        return Int64(exactly: double).map { .integer($0) } ?? .number(double)
    }

    private mutating func object(depth: Int) throws(JSONValue.Fault) -> JSONValue {
        position += 1
        var members: [JSONValue.Member] = []
        var names: Set<String> = []
        if take(UInt8(ascii: "}")) { return .object([]) }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw fault("a member without a name") }
            let start = position
            let name = try string()
            guard rules.takesEscapedNames || !bytes[start..<position].contains(UInt8(ascii: "\\")) else {
                throw JSONValue.Fault(reason: "the name of the member '\(name.prefix(80))' is written with an escape")
            }
            guard names.insert(name).inserted else {
                throw JSONValue.Fault(reason: "the member '\(name.prefix(80))' stands twice")
            }
            guard take(UInt8(ascii: ":")) else { throw fault("a member without a value") }
            members.append(.init(name, try value(depth: depth + 1)))
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw fault("an object that does not end") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(JSONValue.Fault) -> JSONValue {
        position += 1
        var items: [JSONValue] = []
        if take(UInt8(ascii: "]")) { return .list([]) }
        repeat { items.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw fault("a list that does not end") }
        return .list(items)
    }

    private mutating func string() throws(JSONValue.Fault) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = peek {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let valid = String(validating: text, as: UTF8.self) else {
                    throw fault("a text that is not UTF-8")
                }
                return valid
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw fault("a control character in a text")
            default: text.append(byte)
            }
        }
        throw fault("a text that does not end")
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONValue.Fault) {
        let byte = peek
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte ?? 0)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            if (0xD800..<0xDC00).contains(code), peek == UInt8(ascii: "\\"), position + 1 < bytes.count,
                bytes[position + 1] == UInt8(ascii: "u")
            {
                position += 2
                let low = try hexadecimal()
                guard (0xDC00..<0xE000).contains(low) else { throw fault("half a surrogate pair") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code), let encoded = UTF8.encode(scalar) else {
                throw fault("half a surrogate pair")
            }
            text.append(contentsOf: encoded)
        default: throw fault("an unknown escape")
        }
    }

    private mutating func hexadecimal() throws(JSONValue.Fault) -> UInt32 {
        let end = position + 4
        guard end <= bytes.count, bytes[position..<end].allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }),
            let code = UInt32(String(decoding: bytes[position..<end], as: UTF8.self), radix: 16)
        else { throw fault("an escape that lacks digits") }
        position = end
        return code
    }
}
