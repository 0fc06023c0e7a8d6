// SPDX-License-Identifier: Apache-2.0

/// One unfolded line `NAME;PARAM=value:value` of RFC 5545 §3.1.
///
/// Read here and not by libical, because libical drops what it cannot read and keeps no line numbers; a calendar that decides
/// whether a change was allowed must refuse what it does not understand.
struct ContentLine: Sendable {
    /// Upper case.
    let name: String
    /// Names in upper case; each value without its quotes.
    let parameters: [(name: String, value: String)]
    let value: String
    let line: Int
    let file: String

    /// The value of a parameter, nil when it is absent.
    func parameter(_ name: String) -> String? {
        for entry in parameters where entry.name == name { return entry.value }
        return nil
    }

    /// An error at this line.
    func error(_ problem: String, _ remedy: String, component: String? = "VEVENT") -> CalendarError {
        CalendarError(file: file, line: line, component: component, problem: problem, remedy: remedy)
    }

    /// The value as TEXT (§3.3.11), with its escapes resolved.
    var text: String {
        var result = ""
        var escaped = false
        for character in value {
            if escaped {
                result.append(character == "n" || character == "N" ? "\n" : character)
                escaped = false
            } else if character == "\\" {
                escaped = true
            } else {
                result.append(character)
            }
        }
        return result
    }
}

extension ContentLine {
    /// Unfolds and splits a file. Works on bytes: folding may cut a character in two (§3.1).
    static func parse(_ bytes: [UInt8], file: String) throws(CalendarError) -> [ContentLine] {
        var lines: [ContentLine] = []
        var current: [UInt8] = []
        var currentLine = 0
        var number = 0
        var index = 0
        while index < bytes.count {
            var end = index
            while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
            var last = end
            if last > index, bytes[last - 1] == UInt8(ascii: "\r") { last -= 1 }
            number += 1
            let raw = bytes[index..<last]
            index = end + 1
            if let first = raw.first, first == UInt8(ascii: " ") || first == UInt8(ascii: "\t"), currentLine > 0 {
                current.append(contentsOf: raw.dropFirst())
                continue
            }
            if !current.isEmpty { lines.append(try split(current, line: currentLine, file: file)) }
            current = Array(raw)
            currentLine = number
        }
        if !current.isEmpty { lines.append(try split(current, line: currentLine, file: file)) }
        return lines
    }

    private static func split(_ bytes: [UInt8], line: Int, file: String) throws(CalendarError) -> ContentLine {
        func fault(_ problem: String, _ remedy: String) -> CalendarError {
            CalendarError(file: file, line: line, component: nil, problem: problem, remedy: remedy)
        }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw fault("the line is not UTF-8", "Save the file as UTF-8 (RFC 5545 §3.1.4)")
        }
        if bytes.contains(where: { $0 < 0x20 && $0 != UInt8(ascii: "\t") || $0 == 0x7F }) {
            throw fault(
                "the line holds a control character", "Export the calendar again as a text/calendar (.ics) file")
        }
        let notALine = fault(
            "the line is not of the form NAME:value",
            "Correct it, or start a continuation line with a space (RFC 5545 §3.1)")
        var cursor = 0
        func name() -> String? {
            let start = cursor
            while cursor < bytes.count, isNameByte(bytes[cursor]) { cursor += 1 }
            guard cursor > start else { return nil }
            return String(decoding: bytes[start..<cursor], as: UTF8.self).uppercased()
        }
        guard let property = name() else { throw notALine }
        var parameters: [(name: String, value: String)] = []
        while cursor < bytes.count, bytes[cursor] == UInt8(ascii: ";") {
            cursor += 1
            guard let parameter = name(), cursor < bytes.count, bytes[cursor] == UInt8(ascii: "=") else {
                throw notALine
            }
            cursor += 1
            var value: [UInt8] = []
            var quoted = false
            while cursor < bytes.count {
                let byte = bytes[cursor]
                if byte == UInt8(ascii: "\"") {
                    quoted.toggle()
                } else if !quoted, byte == UInt8(ascii: ";") || byte == UInt8(ascii: ":") {
                    break
                } else {
                    value.append(byte)
                }
                cursor += 1
            }
            if quoted { throw fault("a quote is not closed", "Close it before the colon") }
            if parameters.contains(where: { $0.name == parameter }) {
                throw fault("parameter \(parameter) stands twice", "Keep one")
            }
            parameters.append((parameter, String(decoding: value, as: UTF8.self)))
        }
        guard cursor < bytes.count, bytes[cursor] == UInt8(ascii: ":") else { throw notALine }
        return ContentLine(
            name: property, parameters: parameters, value: String(decoding: bytes[(cursor + 1)...], as: UTF8.self),
            line: line, file: file)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            return true
        default:
            return false
        }
    }
}
