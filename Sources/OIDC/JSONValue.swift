// SPDX-License-Identifier: Apache-2.0

/// A JSON value from outside (RFC 8259).
enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// As a double: infinite if the text is out of its range.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    var object: [String: JSONValue]? {
        if case .object(let members) = self { members } else { nil }
    }

    var array: [JSONValue]? {
        if case .array(let values) = self { values } else { nil }
    }
}

/// Why bytes are not the JSON that is wanted.
struct JSONFault: Error, Sendable, Equatable {
    /// The end of a sentence.
    let reason: String
    /// Bytes from the beginning.
    let offset: Int
}
