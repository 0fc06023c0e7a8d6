// SPDX-License-Identifier: Apache-2.0

/// Times as the project carries them: milliseconds since the epoch, UTC.
package enum Timestamp {
    /// 9999-12-31T23:59:59.999Z. A time outside 0...this is no time.
    package static let maximum: Int64 = 253_402_300_799_999

    /// The time in a field: ISO 8601 (RFC 3339, with a space for the `T` and without a zone taken as UTC), or a number
    /// since the epoch in s, ms, µs or ns by its size. Nil for anything else.
    package static func milliseconds(_ slot: Slot) -> Int64? {
        switch slot.kind {
        case .int: return fromNumber(slot.int)
        case .double: return fromNumber(slot.double)
        case .string:
            let bytes = slot.bytes
            // Eight digits are a date of ISO 8601's basic form or nothing: as seconds they would be in 1970.
            if bytes.count != 8, let value = ASCII.integer(bytes) { return fromNumber(value) }
            if let value = fromISO8601(bytes) { return value }
            return bytes.count == 8 ? nil : ASCII.number(bytes).flatMap(fromNumber)
        default: return nil
        }
    }

    /// The limits 10¹¹, 10¹⁴ and 10¹⁷ part seconds (to the year 5138), milliseconds, microseconds and nanoseconds.
    static func fromNumber(_ value: Int64) -> Int64? {
        let milliseconds: Int64
        switch value {
        case ..<0: return nil
        case ..<100_000_000_000: milliseconds = value * 1000
        case ..<100_000_000_000_000: milliseconds = value
        case ..<100_000_000_000_000_000: milliseconds = value / 1000
        default: milliseconds = value / 1_000_000
        }
        return milliseconds <= maximum ? milliseconds : nil
    }

    static func fromNumber(_ value: Double) -> Int64? {
        guard value >= 0, value < 9.2e18 else { return nil }
        if value < 1e11 { return fromSeconds(value) }
        return fromNumber(Int64(value))
    }

    private static func fromSeconds(_ value: Double) -> Int64? {
        // By way of microseconds: 1700000000.123 is a little less than that as a double.
        let milliseconds = Int64((value * 1_000_000).rounded()) / 1000
        return milliseconds <= maximum ? milliseconds : nil
    }

    /// `2026-11-18T09:30:00.250+01:00` and its shorter forms, down to `2026-11-18`; the basic form `20261118T093000Z` as
    /// well. Digits past the millisecond are dropped. Nil for anything else and for times outside `0...maximum`.
    package static func fromISO8601(_ bytes: UnsafeRawBufferPointer) -> Int64? {
        guard bytes.count >= 8, bytes.count <= 40 else { return nil }
        var text = Cursor(bytes: bytes)
        guard let year = text.digits(4) else { return nil }
        let extended = text.take(0x2D)
        guard let month = text.digits(2), text.take(0x2D) == extended, let day = text.digits(2),
            (1...12).contains(month),
            (1...daysIn(month, year)).contains(day)
        else { return nil }
        var milliseconds = daysSinceEpoch(year, month, day) * 86_400_000
        if text.isAtEnd { return valid(milliseconds) }

        guard text.take(0x54) || text.take(0x74) || text.take(0x20), let hour = text.digits(2), hour < 24,
            text.take(0x3A) == extended, let minute = text.digits(2), minute < 60
        else { return nil }
        var second = 0
        if extended ? text.take(0x3A) : text.isAtDigit {
            // 60 is a leap second; it counts as the first of the next minute.
            guard let value = text.digits(2), value <= 60 else { return nil }
            second = value
        }
        milliseconds += Int64(hour * 3600 + minute * 60 + second) * 1000
        if text.take(0x2E) || text.take(0x2C) {
            guard let fraction = text.fraction() else { return nil }
            milliseconds += fraction
        }
        if text.isAtEnd { return valid(milliseconds) }
        if text.take(0x5A) || text.take(0x7A) { return text.isAtEnd ? valid(milliseconds) : nil }
        let east = text.take(0x2B)
        guard east || text.take(0x2D), let hours = text.digits(2), hours < 24 else { return nil }
        var minutes = 0
        if !text.isAtEnd {
            _ = text.take(0x3A)
            guard let value = text.digits(2), value < 60, text.isAtEnd else { return nil }
            minutes = value
        }
        let offset = Int64(hours * 60 + minutes) * 60_000
        return valid(east ? milliseconds - offset : milliseconds + offset)
    }

    /// Reads a time from left to right.
    private struct Cursor {
        let bytes: UnsafeRawBufferPointer
        var at = 0

        var isAtEnd: Bool { at == bytes.count }
        var isAtDigit: Bool { at < bytes.count && bytes[at] &- 0x30 <= 9 }

        mutating func take(_ byte: UInt8) -> Bool {
            guard at < bytes.count, bytes[at] == byte else { return false }
            at += 1
            return true
        }

        mutating func digits(_ count: Int) -> Int? {
            var value = 0
            for _ in 0..<count {
                guard isAtDigit else { return nil }
                value = value * 10 + Int(bytes[at] &- 0x30)
                at += 1
            }
            return value
        }

        /// Milliseconds of a fraction of a second.
        mutating func fraction() -> Int64? {
            guard isAtDigit else { return nil }
            var value: Int64 = 0
            var scale: Int64 = 100
            while isAtDigit {
                value += Int64(bytes[at] &- 0x30) * scale
                scale /= 10
                at += 1
            }
            return value
        }
    }

    /// `2026-11-18T08:30:00.250Z`.
    package static func iso8601(_ milliseconds: Int64) -> String {
        var days = milliseconds / 86_400_000
        var rest = milliseconds % 86_400_000
        if rest < 0 {
            rest += 86_400_000
            days -= 1
        }
        let (year, month, day) = civil(days)
        func pad(_ value: Int64, _ width: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        let seconds = rest / 1000
        let clock = "\(pad(seconds / 3600, 2)):\(pad(seconds / 60 % 60, 2)):\(pad(seconds % 60, 2))"
        return "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))T\(clock).\(pad(rest % 1000, 3))Z"
    }

    private static func valid(_ milliseconds: Int64) -> Int64? {
        milliseconds >= 0 && milliseconds <= maximum ? milliseconds : nil
    }

    private static func daysIn(_ month: Int, _ year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days from the civil date, Howard Hinnant's algorithm (https://howardhinnant.github.io/date_algorithms.html).
    static func daysSinceEpoch(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Int64(era * 146_097 + dayOfEra - 719_468)
    }

    /// The civil date from days, by the same source.
    static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}
