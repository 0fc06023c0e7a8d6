// SPDX-License-Identifier: Apache-2.0

import Calendar

/// When the report on the last whole week is sent: on a weekday at a time of a zone's wall clock.
package struct ReportSchedule: Sendable, Equatable {
    /// Monday 0 to Sunday 6.
    package let weekday: Int
    /// Of the day.
    package let minute: Int
    /// Of the IANA database.
    package let zone: String

    private static let weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

    /// - Parameter text: `monday 07:00`.
    /// - Throws: ``PeriodError`` for what is no such time or no zone.
    package init(_ text: String, zone: String) throws(PeriodError) {
        let parts = text.lowercased().split(separator: " ").map(String.init)
        let clock = parts.last?.split(separator: ":", omittingEmptySubsequences: false).map(String.init) ?? []
        guard parts.count == 2, let weekday = Self.weekdays.firstIndex(of: parts[0]), clock.count == 2,
            clock.allSatisfy({ $0.utf8.count == 2 && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
            let hour = Int(clock[0]), let minute = Int(clock[1]), hour < 24, minute < 60
        else { throw PeriodError(description: "'\(text.prefix(40))' is no time of a week: write monday 07:00") }
        // Any moment does: the zone is what is looked at.
        _ = try ReportPeriod(containing: 1_000_000_000_000, zone: zone)
        self.weekday = weekday
        self.minute = hour * 60 + minute
        self.zone = zone
    }

    /// The latest moment at or before `now` at which a report was due, and the week that it is on: the last that was over then.
    ///
    /// - Parameter now: ms since the epoch, UTC.
    package func due(_ now: Int64) throws(PeriodError) -> (at: Int64, period: ReportPeriod) {
        let week = try ReportPeriod(containing: now, zone: zone)
        let at = moment(in: week)
        // In the week before, where this week's has not come yet.
        return at <= now ? (at, week.earlier(1)) : (moment(in: week.earlier(1)), week.earlier(2))
    }

    private func moment(in week: ReportPeriod) -> Int64 {
        week.zone.instant(WallTime(seconds: (week.monday + Int64(weekday)) * 86_400 + Int64(minute) * 60)) * 1000
    }
}
