// SPDX-License-Identifier: Apache-2.0

/// A calendar day in Berlin, and what its clock shows.
///
/// The rule of the European Union is written out (last Sundays of March and October), so that the bytes do not hang on the
/// time zone data of the machine.
struct FixtureDate {
    /// Days since 1970-01-01.
    let days: Int

    init(days: Int) { self.days = days }

    /// Reads `2026-11-18`; nil when there is no such day between 2000 and 2059.
    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [4, 2, 2], let year = Int(parts[0]), let month = Int(parts[1]),
            let day = Int(parts[2]),
            (2000...2059).contains(year), (1...12).contains(month), day >= 1
        else { return nil }
        days = FixtureDate.days(year, month, day)
        let back = civil
        guard back.year == year, back.month == month, back.day == day else { return nil }
    }

    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private var civil: (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let real = month < 10 ? month + 3 : month - 9
        return (yearOfEra + era * 400 + (real <= 2 ? 1 : 0), real, dayOfYear - (153 * month + 2) / 5 + 1)
    }

    /// 0 Sunday … 6 Saturday.
    var weekday: Int { (days + 4) % 7 }

    /// The day of this weekday that comes at or after this one.
    func onOrAfter(weekday wanted: Int) -> FixtureDate { FixtureDate(days: days + (wanted - weekday + 7) % 7) }

    func adding(_ days: Int) -> FixtureDate { FixtureDate(days: self.days + days) }

    /// `20261118`.
    var basic: String {
        let (year, month, day) = civil
        return "\(year)" + (month < 10 ? "0" : "") + "\(month)" + (day < 10 ? "0" : "") + "\(day)"
    }

    /// `2026-11-18`.
    var extended: String {
        let text = basic
        return "\(text.prefix(4))-\(text.dropFirst(4).prefix(2))-\(text.suffix(2))"
    }

    /// Milliseconds since the epoch of the day's midnight in Berlin.
    var midnight: Int64 {
        let (year, _, _) = civil
        func lastSunday(_ month: Int) -> Int {
            let end = FixtureDate(days: FixtureDate.days(year, month, 31))
            return end.days - end.weekday
        }
        // At midnight of the day of a change the old offset is still in force.
        let summer = days > lastSunday(3) && days <= lastSunday(10)
        return Int64(days * 86_400 - (summer ? 7200 : 3600)) * 1000
    }

    /// The deployment windows of this day, in minutes after midnight: the ones of `calendarICS`.
    var deploymentWindows: [Range<Int>] {
        switch weekday {
        case 2, 4: [1320..<1440]
        case 3: [0..<120, 600..<720]
        case 5: [0..<120]
        default: []
        }
    }
}
