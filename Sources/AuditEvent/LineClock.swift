// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The times of lines of text, which may lack their year (RFC 3164, section 4.1.2: `Dec 10 06:55:46`) and their zone.
///
/// A year that a line does not say: the first line of a file is in the latest year in which it is not after the file's own time (or
/// in a year that the operator names); every other line is within the year after it, and that year moves on with the lines, half
/// a year behind them, so that a log may cross New Year any number of times.
struct LineClock {
    private static let day: Int64 = 86_400_000

    private let zone: TimeZone?
    private let notAfter: Int64
    private let firstYear: Int?
    /// No line of this file is before this.
    private var floor: Int64?
    /// The zone's offset in the hour (by its wall clock) of the line before.
    private var known: (hour: Int64, offset: Int64)?

    init(zone: TimeZone?, notAfter: Int64, firstYear: Int?) {
        self.zone = zone
        self.notAfter = notAfter
        self.firstYear = firstYear
    }

    /// ms since the epoch; nil for what is no time.
    ///
    /// - Parameter notAfter: when the line itself was received at the latest, for lines that belong to no file; then the year
    ///   depends on nothing else.
    mutating func milliseconds(_ text: UnsafeRawBufferPointer, notAfter received: Int64?) -> Int64? {
        guard let first = text.first else { return nil }
        guard ASCII.lower(first) &- 0x61 < 26 else {
            guard let time = Timestamp.milliseconds(.string(text)) else { return nil }
            return zone != nil && Self.lacksZone(text) ? instant(time) : time
        }
        guard let wall = WallText(text) else { return nil }
        if let year = wall.year { return wall.milliseconds(in: year).map { instant($0) } }
        if let received { return latest(wall, notAfter: received) }
        guard let floor else {
            let time =
                firstYear.map { wall.milliseconds(in: $0).map { instant($0) } } ?? latest(wall, notAfter: notAfter)
            if let time { self.floor = time - Self.day }
            return time
        }
        guard let time = earliest(wall, notBefore: floor) else { return nil }
        self.floor = max(floor, time - 183 * Self.day)
        return time
    }

    /// A day is left for clocks and zones that are not quite right. Nine years, as 29 February is that rare around 2100.
    private mutating func latest(_ wall: WallText, notAfter limit: Int64) -> Int64? {
        let year = Int(Timestamp.civil(limit / Self.day).year)
        for year in stride(from: year + 1, through: year - 8, by: -1) {
            guard let time = wall.milliseconds(in: year).map({ instant($0) }) else { continue }
            if time <= limit + Self.day { return time }
        }
        return nil
    }

    private mutating func earliest(_ wall: WallText, notBefore limit: Int64) -> Int64? {
        let year = Int(Timestamp.civil(limit / Self.day).year)
        for year in year...(year + 8) {
            guard let time = wall.milliseconds(in: year).map({ instant($0) }) else { continue }
            if time >= limit { return time }
        }
        return nil
    }

    /// The instant at which the zone's wall clock shows a time that is given as if it were UTC. Of a time that the clock shows
    /// twice, the first.
    private mutating func instant(_ wall: Int64) -> Int64 {
        guard let zone else { return wall }
        let hour = wall / 3_600_000
        if let known, known.hour == hour { return wall - known.offset }
        func offset(_ time: Int64) -> Int64 {
            Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(time) / 1000))) * 1000
        }
        let before = offset(wall - Self.day)
        let after = offset(wall + Self.day)
        let found = offset(wall - before) == before || offset(wall - after) != after ? before : after
        // In an hour in which the clock changes the next line may have the other offset.
        if before == after { known = (hour, found) }
        return wall - found
    }

    /// Whether a time of ISO 8601 ends without `Z` or an offset. A number is an instant.
    private static func lacksZone(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text.count >= 8, text.contains(0x2D) || text.contains(0x54) else { return false }
        guard let last = text.last, ASCII.lower(last) != UInt8(ascii: "z") else { return false }
        guard let clock = text.firstIndex(where: { $0 == 0x54 || $0 == 0x74 || $0 == 0x20 }) else { return true }
        return !text[clock...].contains { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
    }
}

/// `Dec 10 06:55:46`, with a fraction or, between day and clock, a year if there is one.
private struct WallText {
    private static let months = Array("janfebmaraprmayjunjulaugsepoctnovdec".utf8)

    private let month: Int
    private let day: Int
    private let ofDay: Int64
    let year: Int?

    init?(_ text: UnsafeRawBufferPointer) {
        guard text.count >= 14, text.count <= 40 else { return nil }
        let name = (0..<3).map { ASCII.lower(text[$0]) }
        guard let index = (0..<12).first(where: { Array(Self.months[($0 * 3)..<($0 * 3 + 3)]) == name }) else {
            return nil
        }
        month = index + 1
        var at = 3
        func number(_ most: Int) -> Int? {
            let start = at
            var value = 0
            while at < text.count, at - start < most, text[at] &- 0x30 <= 9 {
                value = value * 10 + Int(text[at] &- 0x30)
                at += 1
            }
            return at > start ? value : nil
        }
        func take(_ byte: UInt8) -> Bool {
            guard at < text.count, text[at] == byte else { return false }
            at += 1
            return true
        }
        func spaces() -> Bool {
            let start = at
            while take(0x20) {}
            return at > start
        }
        guard spaces(), let day = number(2), spaces() else { return nil }
        self.day = day
        let clock = at
        if let year = number(4), at - clock == 4 {
            guard spaces() else { return nil }
            self.year = year
        } else {
            year = nil
            at = clock
        }
        guard let hour = number(2), hour < 24, take(0x3A), let minute = number(2), minute < 60, take(0x3A),
            let second = number(2), second <= 60
        else { return nil }
        var milliseconds = 0
        if take(0x2E) {
            let start = at
            guard let fraction = number(3) else { return nil }
            milliseconds = fraction * (at - start == 1 ? 100 : at - start == 2 ? 10 : 1)
            while number(1) != nil {}
        }
        guard at == text.count else { return nil }
        ofDay = Int64(hour * 3600 + minute * 60 + second) * 1000 + Int64(milliseconds)
    }

    /// As if the wall clock showed UTC; nil for a day that the year does not have.
    func milliseconds(in year: Int) -> Int64? {
        guard year >= 1970, year <= 9999, day >= 1 else { return nil }
        let days = Timestamp.daysSinceEpoch(year, month, day)
        let civil = Timestamp.civil(days)
        guard civil.month == Int64(month), civil.day == Int64(day) else { return nil }
        return days * 86_400_000 + ofDay
    }
}
