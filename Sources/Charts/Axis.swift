// SPDX-License-Identifier: Apache-2.0

/// An axis of values with ticks at round numbers; it begins at 0 unless something is below.
struct Axis {
    let ticks: [Double]
    let low: Double
    let high: Double

    /// - Parameter values: what must be on it; finite.
    init(_ values: [Double], unit: ChartUnit, wanted: Int = 5) {
        let least = min(values.min() ?? 0, 0)
        var most = max(values.max() ?? 0, 0)
        if most <= least { most = least + (unit == .percent ? 100 : 1) }
        let step = Self.step((most - least) / Double(wanted), unit)
        let first = (least / step).rounded(.down)
        let last = (most / step).rounded(.up)
        ticks = stride(from: first, through: last, by: 1).map { $0 * step }
        low = first * step
        high = last * step
    }

    /// The least round step that is not below `rough`: 1, 2 or 5 times a power of ten; of bytes the same times a power of 1024.
    private static func step(_ rough: Double, _ unit: ChartUnit) -> Double {
        var power = 1.0
        var rough = rough
        if unit == .bytes {
            while rough > 512 {
                rough /= 1024
                power *= 1024
            }
        }
        // Half a thing is none.
        if unit == .count || unit == .bytes { rough = max(rough, 1) }
        var ten = 1.0
        while ten * 10 <= rough { ten *= 10 }
        while ten > rough { ten /= 10 }
        let step = [1.0, 2, 5, 10].first { $0 * ten >= rough * (1 - 1e-12) } ?? 10
        return step * ten * power
    }

    /// Where a value lies, 0 at the bottom to 1 at the top.
    func share(_ value: Double) -> Double { (value - low) / (high - low) }
}

/// Dates on an axis of time, UTC.
enum DateText {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `16 Nov`.
    static func day(_ milliseconds: Int64) -> String {
        let (_, month, day) = civil(floor(milliseconds, 86_400_000))
        return "\(day) \(months[Int(month) - 1])"
    }

    /// `16 Nov 2026`.
    static func date(_ milliseconds: Int64) -> String {
        "\(day(milliseconds)) \(civil(floor(milliseconds, 86_400_000)).year)"
    }

    /// `16 Nov 2026 09:30`.
    static func minute(_ milliseconds: Int64) -> String { "\(date(milliseconds)) \(clock(milliseconds))" }

    /// `09:30`.
    static func clock(_ milliseconds: Int64) -> String {
        let minutes = floor(milliseconds, 60_000) - floor(milliseconds, 86_400_000) * 1440
        return pad(minutes / 60) + ":" + pad(minutes % 60)
    }

    /// `09:30:05`.
    static func second(_ milliseconds: Int64) -> String {
        clock(milliseconds) + ":" + pad(floor(milliseconds, 1_000) - floor(milliseconds, 60_000) * 60)
    }

    private static func pad(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }

    private static func floor(_ value: Int64, _ by: Int64) -> Int64 {
        value >= 0 ? value / by : -((-value + by - 1) / by)
    }

    /// Days since 1970-01-01 to year, month, day in the proleptic Gregorian calendar, counting eras of 400 years.
    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        )
    }
}

/// Ticks of a span of time at whole seconds, minutes, hours, days or weeks, UTC.
struct TimeAxis {
    /// ms since the epoch.
    let from: Int64
    let to: Int64
    let ticks: [(at: Int64, text: String)]

    private static let second: Int64 = 1_000
    private static let minute: Int64 = 60_000
    private static let day: Int64 = 86_400_000
    private static let steps: [Int64] = [
        second, 5 * second, 15 * second, minute, 5 * minute, 15 * minute, 30 * minute, 60 * minute, 3 * 60 * minute,
        6 * 60 * minute, 12 * 60 * minute,
        day, 2 * day, 7 * day, 14 * day, 28 * day, 91 * day, 182 * day, 364 * day, 1820 * day, 18_200 * day,
        182_000 * day,
    ]

    /// - Parameter wanted: so many ticks at most.
    init(from: Int64, to: Int64, wanted: Int) {
        self.from = from
        self.to = max(to, from + 1)
        let span = self.to - from
        let step = Self.steps.first { span / $0 < Int64(wanted) } ?? Self.steps[Self.steps.count - 1]
        // Weeks begin on Mondays; the epoch was a Thursday.
        let origin: Int64 = step >= 7 * Self.day ? 4 * Self.day : 0
        var at = (from - origin) / step * step + origin
        if at < from { at += step }
        var ticks: [(at: Int64, text: String)] = []
        while at <= self.to {
            ticks.append((at, step >= Self.day ? DateText.day(at) : Self.clock(at, hasSeconds: step < Self.minute)))
            at += step
        }
        self.ticks = ticks
    }

    /// Midnight says which day begins.
    private static func clock(_ at: Int64, hasSeconds: Bool) -> String {
        if at % day == 0 { return DateText.day(at) }
        return hasSeconds ? DateText.second(at) : DateText.clock(at)
    }

    func share(_ time: Int64) -> Double { Double(time - from) / Double(to - from) }
}
