// SPDX-License-Identifier: Apache-2.0

import Calendar

/// A week that cannot be reported on, in a sentence.
package struct PeriodError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String
}

/// A week of ISO 8601 in a zone: from Monday's midnight to the next Monday's on the wall clock there. Where clocks change it has 167 or 169 hours.
package struct ReportPeriod: Sendable, Hashable {
    /// The year of the week's Thursday.
    package let year: Int
    /// 1 to 52 or 53.
    package let week: Int
    /// Of the IANA database, as it was given.
    package let zoneName: String
    let zone: Zone
    /// ms since the epoch, UTC; `to` is not in it.
    package let from: Int64
    package let to: Int64
    /// Monday's date, in days since 1970-01-01.
    let monday: Int64

    private static let daySeconds: Int64 = 86_400

    /// - Parameters:
    ///   - week: `2026-W46`.
    ///   - zone: a name of the IANA database.
    /// - Throws: ``PeriodError`` where there is no such week or zone.
    package init(week text: String, zone name: String = "UTC") throws(PeriodError) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].count == 4, parts[1].count == 3, parts[1].hasPrefix("W"),
            (parts[0] + parts[1].dropFirst()).utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let year = Int(parts[0]), let week = Int(parts[1].dropFirst()), (1970...9998).contains(year), week > 0
        else {
            throw PeriodError(description: "'\(text.prefix(40))' is no week of ISO 8601: write 2026-W46")
        }
        guard let first = Self.monday(of: year), let next = Self.monday(of: year + 1),
            first + Int64(week - 1) * 7 < next
        else { throw PeriodError(description: "\(year) has no week \(week)") }
        try self.init(monday: first + Int64(week - 1) * 7, zone: name)
    }

    /// The week in which a moment lies.
    ///
    /// - Parameter time: ms since the epoch, UTC.
    /// - Throws: ``PeriodError`` where there is no such zone.
    package init(containing time: Int64, zone name: String = "UTC") throws(PeriodError) {
        let day = Self.day(of: time, in: try Self.zone(name))
        try self.init(monday: day - Self.floorMod(day + 3, 7), zone: name)
    }

    /// The last week that was over at a moment.
    ///
    /// - Parameter time: ms since the epoch, UTC.
    /// - Throws: ``PeriodError`` where there is no such zone.
    package init(lastBefore time: Int64, zone name: String = "UTC") throws(PeriodError) {
        self = try Self(containing: time, zone: name).earlier(1)
    }

    private init(monday: Int64, zone name: String) throws(PeriodError) {
        let zone = try Self.zone(name)
        guard monday >= 0, let first = Self.monday(of: Self.year(of: monday + 3)) else {
            throw PeriodError(description: "weeks before 1970 cannot be reported on")
        }
        self.monday = monday
        self.zone = zone
        zoneName = name
        year = Self.year(of: monday + 3)
        week = Int((monday - first) / 7) + 1
        from = zone.instant(WallTime(seconds: monday * Self.daySeconds)) * 1000
        to = zone.instant(WallTime(seconds: (monday + 7) * Self.daySeconds)) * 1000
    }

    /// The week so many weeks before this one.
    func earlier(_ weeks: Int) -> ReportPeriod {
        // Only weeks before 1970 are none; there is no data of those.
        (try? ReportPeriod(monday: monday - Int64(weeks) * 7, zone: zoneName)) ?? self
    }

    /// `2026-W46`.
    package var name: String { "\(Self.pad(year, 4))-W\(Self.pad(week, 2))" }

    /// Hours of UTC since the epoch that begin in it. In a zone that is half an hour off, the first one begins with it or after.
    var hours: Range<Int64> { Self.ceiling(from, 3_600_000)..<Self.ceiling(to, 3_600_000) }

    /// Its seven dates as days since 1970-01-01; what is kept per day of UTC is of these dates.
    var days: Range<Int64> { monday..<monday + 7 }

    /// The date on the zone's wall clock, as days since 1970-01-01.
    func day(of time: Int64) -> Int64 { Self.day(of: time, in: zone) }

    /// The first moment of such a date, ms since the epoch.
    func start(ofDay day: Int64) -> Int64 { zone.instant(WallTime(seconds: day * Self.daySeconds)) * 1000 }

    /// Monday 0 to Sunday 6, and the hour, on the zone's wall clock.
    func slot(of time: Int64) -> (weekday: Int, hour: Int) {
        let seconds = Self.wall(time, zone)
        let day = Self.floorDiv(seconds, Self.daySeconds)
        return (Int(Self.floorMod(day + 3, 7)), Int(Self.floorMod(seconds, Self.daySeconds) / 3600))
    }

    // MARK: Words

    private static let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `Tue 17 Nov 2026 10:03` on the zone's wall clock.
    func words(_ time: Int64) -> String {
        let seconds = Self.wall(time, zone)
        let fields = WallTime(seconds: seconds).fields
        return "\(Self.words(day: Self.floorDiv(seconds, Self.daySeconds))) "
            + "\(Self.pad(fields.hour, 2)):\(Self.pad(fields.minute, 2))"
    }

    /// `Tue 17 Nov 2026`.
    static func words(day: Int64) -> String {
        let fields = WallTime(seconds: day * daySeconds).fields
        return "\(weekdays[Int(floorMod(day + 3, 7))]) \(fields.day) \(months[fields.month - 1]) \(fields.year)"
    }

    /// `2026-11-17`.
    static func iso(day: Int64) -> String {
        let fields = WallTime(seconds: day * daySeconds).fields
        return "\(pad(fields.year, 4))-\(pad(fields.month, 2))-\(pad(fields.day, 2))"
    }

    // MARK: Arithmetic

    private static func zone(_ name: String) throws(PeriodError) -> Zone {
        guard let zone = Zone(name) else {
            throw PeriodError(
                description: "'\(name.prefix(60))' is no zone of the IANA database: write Europe/Berlin or UTC")
        }
        return zone
    }

    /// Seconds on the wall clock.
    private static func wall(_ time: Int64, _ zone: Zone) -> Int64 {
        let seconds = floorDiv(time, 1000)
        return seconds + zone.offset(at: seconds)
    }

    private static func day(of time: Int64, in zone: Zone) -> Int64 { floorDiv(wall(time, zone), daySeconds) }

    private static func year(of day: Int64) -> Int { WallTime(seconds: day * daySeconds).fields.year }

    /// Of week 1, which has 4 January in it; days since 1970-01-01.
    private static func monday(of year: Int) -> Int64? {
        guard let fourth = WallTime(year: year, month: 1, day: 4) else { return nil }
        let day = floorDiv(fourth.seconds, daySeconds)
        return day - floorMod(day + 3, 7)
    }

    private static func floorDiv(_ value: Int64, _ by: Int64) -> Int64 { (value - floorMod(value, by)) / by }
    private static func floorMod(_ value: Int64, _ by: Int64) -> Int64 { (value % by + by) % by }
    private static func ceiling(_ value: Int64, _ by: Int64) -> Int64 { -floorDiv(-value, by) }

    private static func pad(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
