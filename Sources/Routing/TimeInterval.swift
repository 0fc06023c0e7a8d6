// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A named set of times, to mute a route in or to have it active in: Alertmanager's `time_intervals`.
package struct TimeInterval: Sendable {
    /// One of its parts. Of each list at least one item must hold; a list that is absent always holds.
    struct Part: Sendable {
        /// Minutes of the day, the end not included: 17:00 to 24:00 is 1020..<1440.
        var times: [Range<Int>]?
        /// 0 is Sunday.
        var weekdays: [ClosedRange<Int>]?
        /// Days from 1; negative ones count from the end of the month, -1 is its last.
        var daysOfMonth: [(first: Int, last: Int)]?
        /// 1 is January.
        var months: [ClosedRange<Int>]?
        var years: [ClosedRange<Int>]?
        /// Whose wall clock and calendar count; UTC without.
        var location = TimeZone.gmt

        init() {}

        /// Whether the wall clock of `location` shows a time of this part. Where a change of the clock skips an hour, no instant is in
        /// it; where it repeats one, both are.
        func contains(_ milliseconds: Int64) -> Bool {
            var calendar = Foundation.Calendar(identifier: .gregorian)
            calendar.timeZone = location
            let date = Date(timeIntervalSince1970: Double(milliseconds) / 1000)
            let now = calendar.dateComponents([.year, .month, .day, .hour, .minute, .weekday], from: date)
            guard let year = now.year, let month = now.month, let day = now.day, let hour = now.hour,
                let minute = now.minute, let weekday = now.weekday
            else { return false }
            if let times, !times.contains(where: { $0.contains(hour * 60 + minute) }) { return false }
            if let weekdays, !weekdays.contains(where: { $0.contains(weekday - 1) }) { return false }
            if let months, !months.contains(where: { $0.contains(month) }) { return false }
            if let years, !years.contains(where: { $0.contains(year) }) { return false }
            guard let daysOfMonth else { return true }
            let length = calendar.range(of: .day, in: .month, for: date)?.count ?? 31
            return daysOfMonth.contains { first, last in
                let first = first < 0 ? length + first + 1 : first
                let last = last < 0 ? length + last + 1 : last
                // Past the end of the month it is cut; a range that begins there is none.
                return first <= length && day >= first && day <= min(last, length)
            }
        }
    }

    package let name: String
    let parts: [Part]

    /// Whether the time (ms since the epoch, UTC) is in one of its parts.
    package func contains(_ milliseconds: Int64) -> Bool {
        parts.contains { $0.contains(milliseconds) }
    }
}
