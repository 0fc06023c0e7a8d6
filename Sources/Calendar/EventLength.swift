// SPDX-License-Identifier: Apache-2.0

/// How long each occurrence of an event lasts.
///
/// RFC 5545 §3.8.5.3: with DTEND every occurrence has the same *exact* length; with DURATION the same *nominal* length, whose
/// days and weeks follow the wall clock (§3.3.6) while hours, minutes and seconds are exact. So a night shift
/// `22:00–04:00` written with DTEND ends at 05:00 in the night in which the clock goes forward; all-day events always run
/// from midnight to midnight.
struct EventLength: Equatable, Sendable {
    /// Whole days on the wall clock.
    var days: Int64 = 0
    /// Exact seconds after them.
    var seconds: Int64 = 0

    /// The end of an occurrence that starts at `start`, in seconds since the epoch.
    func end(from start: EventTime) -> Int64 {
        guard days > 0 else { return start.instant + seconds }
        return start.zone.instant(WallTime(seconds: start.wall.seconds + days * 86_400)) + seconds
    }
}

extension EventLength {
    /// Reads a DURATION such as `PT4H`, `P1DT2H` or `P2W` (§3.3.6).
    init(duration text: Substring, of line: ContentLine) throws(CalendarError) {
        let fault = line.error(
            "duration '\(text.prefix(40))' is not valid or not between a second and ten years",
            "Write it like PT4H or P1DT12H")
        var rest = text
        if rest.hasPrefix("+") { rest = rest.dropFirst() }
        guard rest.hasPrefix("P") else { throw fault }
        rest = rest.dropFirst()
        // §3.3.6: weeks stand alone; days, hours, minutes and seconds in this order.
        var units: [(Character, Int64)] = [("W", 604_800), ("D", 86_400)]
        var inTime = false
        var parts = 0
        while let first = rest.first {
            if first == "T", !inTime {
                inTime = true
                units = [("H", 3600), ("M", 60), ("S", 1)]
                rest = rest.dropFirst()
                guard !rest.isEmpty else { throw fault }
                continue
            }
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            guard !digits.isEmpty, digits.count <= 9, let amount = Int64(digits), let unit = rest.first,
                let position = units.firstIndex(where: { $0.0 == unit })
            else { throw fault }
            rest = rest.dropFirst()
            let size = units[position].1
            if size >= 86_400 { days += amount * (size / 86_400) } else { seconds += amount * size }
            units.removeFirst(unit == "W" ? units.count : position + 1)
            if unit == "W", !rest.isEmpty { throw fault }
            parts += 1
        }
        let total = days * 86_400 + seconds
        guard parts > 0, total > 0, total <= CalendarLimits.occurrenceSeconds else { throw fault }
    }

    /// The length from DTSTART to DTEND.
    init(from start: EventTime, to end: EventTime, of line: ContentLine) throws(CalendarError) {
        guard (start.form == .date) == (end.form == .date) else {
            throw line.error(
                "\(line.name) and DTSTART are not both dates or both times", "Write both with the same VALUE")
        }
        let exact = end.instant - start.instant
        guard exact > 0, exact <= CalendarLimits.occurrenceSeconds else {
            throw line.error(
                "the event ends before or when it starts, or lasts more than ten years",
                "Correct \(line.name) or DTSTART")
        }
        if start.form == .date {
            days = (end.wall.seconds - start.wall.seconds) / 86_400
        } else {
            seconds = exact
        }
    }
}
