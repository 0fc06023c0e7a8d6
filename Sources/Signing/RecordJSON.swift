// SPDX-License-Identifier: Apache-2.0

import Foundation
import JSONText

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
        let value: JSONValue
        do {
            // Two spellings of one name must not pass as two names; no member of ours needs an escape.
            value = try JSONValue(bytes, rules: .init(maximumDepth: maximumDepth, takesEscapedNames: false))
        } catch {
            throw RecordError(error.reason)
        }
        guard case .object = value else { throw RecordError("is not a JSON object") }
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
