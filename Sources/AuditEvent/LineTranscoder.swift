// SPDX-License-Identifier: Apache-2.0

import PCRE2

/// Writes lines of text as JSON events, by a mapping's `lines`, for the decoder to read. For one thread.
///
/// An event has `time` (ms since the epoch), the named groups of the patterns that matched, `event` (which message it is) and
/// `message`. Of a line that no header matches it has `message` only, so rules for keywords still see it; such lines are counted.
package final class LineTranscoder {
    /// A line that says that it stands for more stands for so many.
    package static let maximumRepeats = 1000

    private struct Pattern {
        let expression: RegularExpression
        /// Each group's name as a JSON key with its colon, and its number.
        let groups: [(key: [UInt8], number: Int)]
        let time: Int?
        let message: Int?
        let count: Int?

        init(_ text: String) throws(RegularExpression.PatternError) {
            let expression = try RegularExpression(text, [])
            func number(_ name: String) -> Int? { expression.groups.first { $0.name == name }?.number }
            time = number("time")
            message = number("message")
            count = number("count")
            groups = expression.groups.filter { $0.name != "time" && $0.name != "message" }.map {
                // PCRE2 has letters, digits and underscores in names.
                (Array("\"\($0.name)\":".utf8), $0.number)
            }
            self.expression = expression
        }
    }

    private struct Record {
        let texts: [[UInt8]]
        let fields: [SlotID]
    }

    private let headers: [Pattern]
    private let repeated: Pattern?
    private let messages: [(event: [UInt8], pattern: Pattern)]
    private let records: [Record]
    private let decoder: EventDecoder?
    private let maximumBytes: Int
    private var clock: LineClock
    private let line = TextBuffer()
    private let output = TextBuffer()
    /// Lines that no header matched.
    package private(set) var unmatched = 0

    /// - Parameters:
    ///   - notAfter: ms since the epoch; the first line that has no year is in the latest one in which it is not after this.
    ///   - year: the year of that line, in place of it.
    ///   - limits: a longer line is given on as it is, for the decoder to refuse.
    /// - Throws: `RegularExpression.PatternError` when memory is short; what is no pattern, `TextLines` has refused.
    package init(
        _ form: TextLines, notAfter: Int64, year: Int? = nil, limits: EventDecoder.Limits = .init()
    ) throws {
        var headers: [Pattern] = []
        for header in form.headers { headers.append(try Pattern(header)) }
        self.headers = headers
        repeated = try form.repeated.map { try Pattern($0) }
        messages = try form.messages.map { message in
            let event = TextBuffer()
            Array(message.event.utf8).withUnsafeBytes { event.quote($0) }
            return (Array(event.bytes), try Pattern(message.pattern))
        }
        if form.records.isEmpty {
            decoder = nil
            records = []
        } else {
            // Any fields of any record; its time is the text's.
            var plan = FieldPlan(
                mapping: Mapping(name: "record", logsources: nil, fields: ["time": .constant(.int(0))]))
            records = form.records.map { template in
                Record(texts: template.texts.map { Array($0.utf8) }, fields: template.fields.map { plan.slot($0) })
            }
            decoder = plan.makeDecoder(limits: limits)
        }
        maximumBytes = limits.maximumBytes
        clock = LineClock(zone: form.zone, notAfter: notAfter, firstYear: year)
    }

    /// The event of a line and how many such events the line stands for. Borrows the line, and is valid until the next call.
    ///
    /// - Parameter received: when the line was received, ms since the epoch: for lines that do not follow one another in a file.
    package func event(
        of text: UnsafeRawBufferPointer, received: Int64? = nil
    ) -> (json: UnsafeRawBufferPointer, count: Int) {
        guard text.count > 0, text.count <= maximumBytes else { return (text, 1) }
        if text[0] == UInt8(ascii: "{"), !records.isEmpty {
            guard write(record: text) else {
                unmatched += 1
                return (text, 1)
            }
        } else {
            line.clear()
            line.append(repairing: text)
        }
        let count = write(line.bytes, received)
        return (output.bytes, count)
    }

    /// Writes the text of a record into `line`; false when no template fits.
    private func write(record text: UnsafeRawBufferPointer) -> Bool {
        guard let decoder, let view = try? decoder.decode(text, fallbackUID: .missing) else { return false }
        for record in records {
            line.clear()
            var isWhole = true
            for (index, field) in record.fields.enumerated() {
                line.append(record.texts[index])
                guard view[field].withText({ line.append($0) }) != nil else {
                    isWhole = false
                    break
                }
            }
            guard isWhole else { continue }
            if let last = record.texts.last { line.append(last) }
            return true
        }
        return false
    }

    private func write(_ text: UnsafeRawBufferPointer, _ received: Int64?) -> Int {
        output.clear()
        output.append("{")
        defer { output.append("}") }
        guard text.count <= RegularExpression.maximumSubject,
            let header = headers.first(where: { $0.expression.matches(text) })
        else {
            unmatched += 1
            write(message: text)
            return 1
        }
        if let time = header.time.flatMap({ header.expression.group($0, in: text) }) {
            output.append("\"time\":")
            if let milliseconds = clock.milliseconds(time, notAfter: received) {
                ASCII.withDecimal(milliseconds) { output.append($0) }
            } else {
                // As it is, for the decoder to refuse.
                output.quote(time)
            }
            output.append(",")
        }
        write(header, text)
        guard let group = header.message, var message = header.expression.group(group, in: text) else {
            output.dropComma()
            return 1
        }
        var count = 1
        if let repeated, repeated.expression.matches(message), let digits = repeated.count,
            let inner = repeated.message,
            let times = repeated.expression.group(digits, in: message).flatMap({ ASCII.integer($0) }),
            let text = repeated.expression.group(inner, in: message)
        {
            count = Int(min(max(times, 1), Int64(Self.maximumRepeats)))
            message = text
        }
        if let (event, pattern) = messages.first(where: { $0.pattern.expression.matches(message) }) {
            output.append("\"event\":")
            output.append(event)
            output.append(",")
            write(pattern, message)
        }
        write(message: message)
        return count
    }

    private func write(_ pattern: Pattern, _ text: UnsafeRawBufferPointer) {
        for group in pattern.groups {
            guard let value = pattern.expression.group(group.number, in: text) else { continue }
            output.append(group.key)
            output.quote(value)
            output.append(",")
        }
    }

    private func write(message: UnsafeRawBufferPointer) {
        output.append("\"message\":")
        output.quote(message)
    }
}
