// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Web

/// Texts of a URL, read strictly: an empty value is a value here, which a form's is not.
enum QueryText {
    private static let maximumFields = 50

    /// Names and values in their order.
    ///
    /// - Throws: ``WebFault`` 400.
    static func fields(_ query: String) throws(WebFault) -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        for pair in query.split(separator: "&") {
            let equals = pair.firstIndex(of: "=")
            guard let name = decode(pair[..<(equals ?? pair.endIndex)], plusIsSpace: true),
                let value = equals.map({ decode(pair[pair.index(after: $0)...], plusIsSpace: true) }) ?? ""
            else { throw WebFault(.badRequest, code: "invalid", "The query has an escape that is no text.") }
            fields.append((name, value))
            guard fields.count <= maximumFields else {
                throw WebFault(.badRequest, code: "invalid", "The query has more than \(maximumFields) fields.")
            }
        }
        return fields
    }

    /// Percent-decoded UTF-8; nil for an escape without digits, and bytes that are no text.
    static func decode(_ text: Substring, plusIsSpace: Bool) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }),
                    let low = rest.popFirst().flatMap({ Character(Unicode.Scalar($0)).hexDigitValue })
                else { return nil }
                bytes.append(UInt8(high << 4 | low))
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(0x20)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
