// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

/// Comma-separated values by RFC 4180, with the line of each row for error messages.
package enum CSV {
    /// One row and the 1-based line on which it starts.
    package struct Row: Sendable {
        package let line: Int
        package let fields: [String]
    }

    /// All rows; empty lines are left out. Throws for a quote that does not close.
    package static func rows(_ text: String, file: String) throws(DocumentError) -> [Row] {
        var rows: [Row] = []
        var fields: [String] = []
        var field: [UInt8] = []
        var line = 1
        var start = 1
        var quoted = false
        var wasQuoted = false
        let bytes = Array(text.utf8)
        var i = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0

        func endField() {
            fields.append(String(decoding: field, as: UTF8.self))
            field.removeAll(keepingCapacity: true)
            wasQuoted = false
        }
        func endRow() {
            if fields.isEmpty && field.isEmpty && !wasQuoted { return }
            endField()
            rows.append(Row(line: start, fields: fields))
            fields.removeAll(keepingCapacity: true)
        }
        while i < bytes.count {
            let byte = bytes[i]
            i += 1
            if byte == UInt8(ascii: "\n") { line += 1 }
            if quoted {
                if byte != UInt8(ascii: "\"") {
                    field.append(byte)
                } else if i < bytes.count, bytes[i] == UInt8(ascii: "\"") {
                    field.append(byte)
                    i += 1
                } else {
                    quoted = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\"") where field.isEmpty && !wasQuoted:
                quoted = true
                wasQuoted = true
            case UInt8(ascii: ","): endField()
            case UInt8(ascii: "\r") where i < bytes.count && bytes[i] == UInt8(ascii: "\n"): continue
            case UInt8(ascii: "\n"):
                endRow()
                start = line
            default: field.append(byte)
            }
        }
        if quoted { throw DocumentError(file: file, line: start, message: "a quote opens here and never closes.") }
        endRow()
        return rows
    }
}
