// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import YAMLDocument

/// Reads the points of a series, one row at a time: CSV with a header, or NDJSON (a line that begins with `{`).
package final class SeriesReader {
    /// A row that is no point, with where it stands and what to do.
    package struct RowError: Error, CustomStringConvertible {
        package let description: String
    }

    package struct Row: Sendable {
        /// The time as it is written.
        package let timeText: String
        /// ms since the epoch, UTC.
        package let time: Int64
        /// Nil where the reading is missing: an empty field, `null`, `NaN`.
        package let value: Double?
    }

    private enum Form {
        case csv(time: Int, value: Int)
        case ndjson(EventDecoder, time: SlotID, value: SlotID)
    }

    /// The longest line that is read, in bytes.
    private static let maximumLine = 1 << 20

    private let lines: LineReader
    private let file: String
    private let timeField: String
    private let valueField: String
    private var form: Form?
    private var line = 0

    /// - Parameters:
    ///   - path: a file, gzip or not, or `-` for standard input.
    ///   - timeField: a column; of NDJSON a path, dots descend.
    /// - Throws: `LineReader.ReadError`.
    package init(path: String, timeField: String, valueField: String) throws {
        lines = try LineReader(path: path)
        file = path == "-" ? "standard input" : path
        self.timeField = timeField
        self.valueField = valueField
    }

    /// The next row; nil at the end. Empty lines are left out.
    ///
    /// - Throws: `RowError` for a row or header that cannot be used, `LineReader.ReadError`.
    package func next() throws -> Row? {
        var row: Row?
        while row == nil {
            let isLine = try lines.next { bytes in
                line += 1
                guard bytes.count <= Self.maximumLine else {
                    throw error("the line has \(bytes.count) bytes; the most that is read is \(Self.maximumLine).")
                }
                if bytes.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }) { return }
                row = try read(bytes)
            }
            if !isLine { return nil }
        }
        return row
    }

    private func read(_ bytes: UnsafeRawBufferPointer) throws -> Row? {
        switch form {
        case nil:
            try begin(bytes)
            if case .ndjson = form { return try read(bytes) }
            return nil
        case .csv(let time, let value):
            let fields = try fields(bytes)
            guard fields.count > max(time, value) else {
                throw error("has \(counted(fields.count, "field")), fewer than the header.")
            }
            var (timeText, valueText) = (fields[time], fields[value])
            return try timeText.withUTF8 { timeBytes in
                try valueText.withUTF8 { valueBytes in
                    let valueBytes = UnsafeRawBufferPointer(valueBytes)
                    return try row(
                        .string(UnsafeRawBufferPointer(timeBytes)), valueBytes.isEmpty ? .missing : .string(valueBytes))
                }
            }
        case .ndjson(let decoder, let time, let value):
            let event: EventView
            do throws(EventError) {
                event = try decoder.decode(bytes, fallbackUID: .missing, fallbackTime: 0)
            } catch {
                throw self.error("\(error)")
            }
            return try row(event[time], event[value])
        }
    }

    private func begin(_ bytes: UnsafeRawBufferPointer) throws {
        if bytes.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") {
            // No field is the event's time here: the one that is asked for need not be there in every row.
            // Names of its own, because a field that is called time is the event's.
            var plan = FieldPlan(
                mapping: Mapping(
                    name: "series", logsources: nil,
                    fields: ["time": .paths(["\u{0}"]), "at": .paths([timeField]), "of": .paths([valueField])]))
            let (time, value) = (plan.slot("at"), plan.slot("of"))
            guard let decoder = plan.makeDecoder(limits: .init(maximumBytes: Self.maximumLine)) else {
                throw error("there is no memory to read JSON.")
            }
            form = .ndjson(decoder, time: time, value: value)
            return
        }
        let header = try fields(bytes)
        func column(_ name: String) throws -> Int {
            guard let column = header.firstIndex(of: name) else {
                throw error("the header has no column '\(name)'; it has \(header.joined(separator: ", ")).")
            }
            return column
        }
        form = .csv(time: try column(timeField), value: try column(valueField))
    }

    private func fields(_ bytes: UnsafeRawBufferPointer) throws -> [String] {
        do throws(DocumentError) {
            return try CSV.rows(String(decoding: bytes, as: UTF8.self), file: file).first?.fields ?? []
        } catch {
            throw self.error(error.message)
        }
    }

    private func row(_ time: Slot, _ value: Slot) throws -> Row {
        guard let text = time.text, let milliseconds = Timestamp.milliseconds(time) else {
            throw error(
                "'\(time.text ?? "")' in '\(timeField)' is no time: write ISO 8601, or a number since the epoch.")
        }
        if !value.hasValue || value.text?.lowercased() == "nan" {
            return Row(timeText: text, time: milliseconds, value: nil)
        }
        guard let number = value.number, number.isFinite else {
            throw error("'\(value.text ?? "")' in '\(valueField)' is no number; leave it empty where there is none.")
        }
        return Row(timeText: text, time: milliseconds, value: number)
    }

    private func error(_ message: String) -> RowError {
        RowError(description: "\(file):\(line): \(message)")
    }
}
