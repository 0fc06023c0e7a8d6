// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

/// Fields of a query or a form (`application/x-www-form-urlencoded`), read strictly: UTF-8, whole escapes, each name as often as
/// it was sent.
package struct FormFields: Sendable, Equatable {
    private var fields: [(name: String, value: String)]

    package static func == (a: FormFields, b: FormFields) -> Bool {
        a.fields.map(\.name) == b.fields.map(\.name) && a.fields.map(\.value) == b.fields.map(\.value)
    }

    /// - Throws: ``WebFault`` 400.
    package init(_ text: String, limits: WebLimits = WebLimits()) throws {
        fields = []
        guard !text.isEmpty else { return }
        for pair in text.split(separator: "&", omittingEmptySubsequences: true) {
            guard fields.count < limits.fields else {
                throw WebFault(.badRequest, code: "invalid", "There are more than \(limits.fields) fields.")
            }
            let equals = pair.firstIndex(of: "=")
            let name = Self.decode(pair[..<(equals ?? pair.endIndex)])
            let value = equals.map { Self.decode(pair[pair.index(after: $0)...]) } ?? ""
            guard let name, let value else {
                throw WebFault(.badRequest, code: "invalid", "The address or form has an escape that is no text.")
            }
            // Browsers send the lines of a text with both (HTML, "constructing the entry list").
            fields.append((name, value.replacing("\r\n", with: "\n")))
        }
    }

    /// The first value, without the white space around it; nil if absent or empty.
    package subscript(_ name: String) -> String? {
        guard let value = fields.first(where: { $0.name == name })?.value else { return nil }
        let trimmed = value.trimmed
        return trimmed.isEmpty ? nil : String(trimmed)
    }

    /// All values that are not empty.
    package func all(_ name: String) -> [String] {
        fields.filter { $0.name == name && !$0.value.isEmpty }.map(\.value)
    }

    /// Names, each once, in the order in which they came.
    package var names: [String] {
        var seen: Set<String> = []
        return fields.map(\.name).filter { seen.insert($0).inserted }
    }

    /// A value that must be there.
    ///
    /// - Throws: ``WebFault`` 422.
    package func required(_ name: String, _ what: String) throws -> String {
        guard let value = self[name] else { throw WebFault.invalid(name, "Say \(what).") }
        return value
    }

    /// Percent-decoded UTF-8; nil if it is none.
    static func decode(_ text: Substring, plusIsSpace: Bool = true) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var iterator = text.utf8.makeIterator()
        while let byte = iterator.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = iterator.next().flatMap(digit), let low = iterator.next().flatMap(digit) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(0x20)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension String {
    fileprivate var trimmed: Substring {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return self[first...last]
    }
}
