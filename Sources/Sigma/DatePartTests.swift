// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// What `hour: 9` or `hour|gte: 18` asks of a date (Sigma specification 2.1; decision D6: with comparisons).
struct DatePartQuestion: Hashable, Sendable {
    let part: DatePart
    /// Nil for equality.
    let comparison: Test.Comparison?
    let value: Int64

    func holds(_ milliseconds: Int64) -> Bool { holds(value: part.value(of: milliseconds)) }

    func holds(value found: Int64) -> Bool {
        switch comparison {
        case nil: found == value
        case .lt: found < value
        case .lte: found <= value
        case .gt: found > value
        case .gte: found >= value
        }
    }
}

/// The questions of a matcher about dates. A field's date is parsed once per event, however many ask. For one thread.
final class DatePartTests {
    /// The date that a field held when it was last parsed.
    private struct Parsed {
        var event: UInt64 = 0
        /// Kind, bits and length of the value: of a list each value is another.
        var kind = Slot.Kind.missing
        var bits: Int64 = 0
        var count = 0
        /// Ms since the epoch; negative when the value is no date.
        var milliseconds: Int64 = -1
    }

    /// The number of the event at hand; set before the event is asked about.
    var event: UInt64 = 0
    private var questions: [(question: DatePartQuestion, field: Int)] = []
    private var fields: [SlotID] = []
    private var parsed: [Parsed] = []

    /// The number under which to ask `holds`.
    func add(_ question: DatePartQuestion, _ slot: SlotID) -> Int {
        let field = fields.firstIndex(of: slot) ?? fields.count
        if field == fields.count {
            fields.append(slot)
            parsed.append(Parsed())
        }
        questions.append((question, field))
        return questions.count - 1
    }

    /// Whether a scalar is a date (ISO 8601 or an epoch number, as `Timestamp` reads them) whose part answers the question.
    func holds(_ index: Int, _ slot: Slot) -> Bool {
        let (question, field) = questions[index]
        let milliseconds = milliseconds(slot, field)
        return milliseconds >= 0 && question.holds(milliseconds)
    }

    private func milliseconds(_ slot: Slot, _ field: Int) -> Int64 {
        let count = slot.kind == .string ? slot.bytes.count : 0
        let last = parsed[field]
        if last.event == event, last.kind == slot.kind, last.bits == slot.int, last.count == count {
            return last.milliseconds
        }
        let milliseconds = Timestamp.milliseconds(slot) ?? -1
        parsed[field] = Parsed(
            event: event, kind: slot.kind, bits: slot.int, count: count, milliseconds: milliseconds)
        return milliseconds
    }
}
