// SPDX-License-Identifier: Apache-2.0

/// A date and time of day as a clock on the wall shows it, without a zone: seconds since 1970-01-01T00:00:00 on that clock.
///
/// Proleptic Gregorian, no leap seconds, as RFC 5545 counts.
package struct WallTime: Hashable, Comparable, Sendable {
    package let seconds: Int64

    package init(seconds: Int64) { self.seconds = seconds }

    /// Nil when there is no such date (30 February) or time of day.
    package init?(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
        guard (1...12).contains(month), (1...WallTime.days(inMonth: month, of: year)).contains(day),
            (0...23).contains(hour), (0...59).contains(minute), (0...59).contains(second)
        else { return nil }
        // Days from a civil date, with the year starting in March so that a leap day is its last.
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        seconds = Int64(days) * 86_400 + Int64(hour * 3600 + minute * 60 + second)
    }

    /// Reads `20261118` (DATE, RFC 5545 §3.3.4) or `20261118T220000` (DATE-TIME, §3.3.5); the caller has taken the Z off.
    init?(_ text: Substring) {
        let digits = Array(text.utf8)
        guard digits.count == 8 || digits.count == 15 && digits[8] == UInt8(ascii: "T") else { return nil }
        func number(_ range: Range<Int>) -> Int? {
            var value = 0
            for byte in digits[range] {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                value = value * 10 + Int(byte - UInt8(ascii: "0"))
            }
            return value
        }
        guard let year = number(0..<4), let month = number(4..<6), let day = number(6..<8) else { return nil }
        guard digits.count == 15 else {
            self.init(year: year, month: month, day: day)
            return
        }
        guard let hour = number(9..<11), let minute = number(11..<13), let second = number(13..<15) else { return nil }
        self.init(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
    }

    static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    /// The civil date and time of day.
    package var fields: (year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
        let days = Int((seconds - (seconds % 86_400 + 86_400) % 86_400) / 86_400)
        let rest = Int((seconds % 86_400 + 86_400) % 86_400)
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1,
            rest / 3600,
            rest / 60 % 60, rest % 60
        )
    }

    package static func < (left: WallTime, right: WallTime) -> Bool { left.seconds < right.seconds }
}
