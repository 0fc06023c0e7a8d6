// SPDX-License-Identifier: Apache-2.0

package import Foundation

/// What is wrong with the JSON of a record.
package struct RecordError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong and where.
    package let description: String

    /// A fault in words.
    package init(_ description: String) {
        self.description = description
    }
}

/// JSON of records: written in one way (keys sorted), read strictly. A member that stands twice is refused: two readers
/// could see two orders. Unknown members are skipped, so that a newer writer does not blind an older gateway.
package enum RecordJSON {
    /// The deepest nesting that is read.
    package static let maximumDepth = 16
    /// The latest moment that a record may name: the end of the year 9999, ms. Sums of two such times cannot overflow.
    package static let latestTime: Int64 = 253_402_300_799_999

    /// The value as JSON, the same bytes every time.
    package static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }

    /// The value in some JSON (RFC 8259; UTF-8, an object).
    package static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8]
    ) throws(RecordError) -> Value {
        var scan = MemberScan(bytes: bytes)
        try scan.document()
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw RecordError(sentence(error))
        } catch {
            throw RecordError("is not valid JSON: \(error)")
        }
    }

    private static func sentence(_ error: DecodingError) -> String {
        func place(_ context: DecodingError.Context) -> String {
            context.codingPath.map(\.stringValue).joined(separator: ".")
        }
        return switch error {
        case .keyNotFound(let key, let context):
            "the member '\((context.codingPath.map(\.stringValue) + [key.stringValue]).joined(separator: "."))' is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            place(context).isEmpty ? "is not valid JSON" : "the member '\(place(context))' has no value that is known"
        @unknown default: "is not valid JSON"
        }
    }
}

/// One walk over a text of JSON that finds members that stand twice and nesting that is too deep. What it lets pass as
/// a number or a literal, the decoder judges.
private struct MemberScan {
    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() throws(RecordError) {
        skipSpace()
        guard peek == UInt8(ascii: "{") else { throw RecordError("is not a JSON object") }
        try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw RecordError("something follows the JSON object") }
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

    private mutating func value(depth: Int) throws(RecordError) {
        guard depth <= RecordJSON.maximumDepth else {
            throw RecordError("is nested deeper than \(RecordJSON.maximumDepth) levels")
        }
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): try object(depth: depth)
        case UInt8(ascii: "["): try array(depth: depth)
        case UInt8(ascii: "\""): _ = try string()
        default:
            let start = position
            while let byte = peek, isLiteral(byte) { position += 1 }
            guard position > start else { throw RecordError("is not valid JSON at byte \(position)") }
        }
    }

    private func isLiteral(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "E"),
            UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private mutating func object(depth: Int) throws(RecordError) {
        position += 1
        var names: Set<ArraySlice<UInt8>> = []
        if take(UInt8(ascii: "}")) { return }
        repeat {
            skipSpace()
            let name = try string()
            // Two spellings of one name must not pass as two names. No member of ours needs an escape.
            guard !name.contains(UInt8(ascii: "\\")) else { throw RecordError("has an escaped member name") }
            guard names.insert(name).inserted else {
                throw RecordError("the member '\(String(decoding: name, as: UTF8.self))' stands twice")
            }
            guard take(UInt8(ascii: ":")) else { throw RecordError("is not valid JSON at byte \(position)") }
            try value(depth: depth + 1)
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw RecordError("is not valid JSON at byte \(position)") }
    }

    private mutating func array(depth: Int) throws(RecordError) {
        position += 1
        if take(UInt8(ascii: "]")) { return }
        repeat { try value(depth: depth + 1) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw RecordError("is not valid JSON at byte \(position)") }
    }

    /// The raw bytes between the quotes.
    private mutating func string() throws(RecordError) -> ArraySlice<UInt8> {
        guard peek == UInt8(ascii: "\"") else { throw RecordError("is not valid JSON at byte \(position)") }
        position += 1
        let start = position
        while let byte = peek {
            if byte == UInt8(ascii: "\"") {
                position += 1
                return bytes[start..<position - 1]
            }
            position += byte == UInt8(ascii: "\\") ? 2 : 1
        }
        throw RecordError("is not valid JSON: a text does not end")
    }
}
