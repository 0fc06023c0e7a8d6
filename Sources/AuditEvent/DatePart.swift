// SPDX-License-Identifier: Apache-2.0

/// A part of a date, in UTC, as Sigma's time modifiers name them (specification 2.1, "Modifiers").
package enum DatePart: String, Sendable, CaseIterable {
    case minute, hour, day, week, month, year

    /// The values that the part takes: `day` is the day of the month, `week` that of ISO 8601.
    package var range: ClosedRange<Int64> {
        switch self {
        case .minute: 0...59
        case .hour: 0...23
        case .day: 1...31
        case .week: 1...53
        case .month: 1...12
        case .year: 1970...9999
        }
    }

    /// The part of a time in ms since the epoch, UTC; the time is not before the epoch.
    package func value(of milliseconds: Int64) -> Int64 {
        switch self {
        case .minute: return milliseconds / 60_000 % 60
        case .hour: return milliseconds / 3_600_000 % 24
        case .day: return Timestamp.civil(milliseconds / 86_400_000).day
        case .month: return Timestamp.civil(milliseconds / 86_400_000).month
        case .year: return Timestamp.civil(milliseconds / 86_400_000).year
        case .week:
            // A week of ISO 8601 belongs to the year that has its Thursday; 1970-01-01 was one.
            let days = milliseconds / 86_400_000
            let thursday = days - (days + 3) % 7 + 3
            let firstDay = Timestamp.daysSinceEpoch(Int(Timestamp.civil(thursday).year), 1, 1)
            return (thursday - firstDay) / 7 + 1
        }
    }
}
