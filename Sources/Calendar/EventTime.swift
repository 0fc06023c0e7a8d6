// SPDX-License-Identifier: Apache-2.0

/// A DATE or DATE-TIME value of an event, with the zone that turns it into an instant.
struct EventTime: Hashable, Sendable {
    enum Form: Hashable, Sendable {
        /// All day: midnight in the calendar's zone.
        case date
        /// DATE-TIME with a Z.
        case utc
        /// DATE-TIME with a TZID.
        case zoned
    }

    let wall: WallTime
    let form: Form
    let zone: Zone

    /// Seconds since the epoch.
    var instant: Int64 { zone.instant(wall) }

    /// Reads one value of a property line.
    ///
    /// - Parameters:
    ///   - text: the value, or one of its comma-separated parts.
    ///   - line: its line, for VALUE and TZID.
    ///   - allDay: the zone in which all-day events run from midnight to midnight.
    init(_ text: Substring, of line: ContentLine, allDay: Zone) throws(CalendarError) {
        let kind = line.parameter("VALUE")?.uppercased()
        let isDate = kind == "DATE"
        guard kind == nil || isDate || kind == "DATE-TIME" || kind == "PERIOD" else {
            throw line.error("VALUE=\(kind ?? "") of \(line.name) is not supported", "Use DATE or DATE-TIME")
        }
        let utc = text.hasSuffix("Z") || text.hasSuffix("z")
        guard let wall = WallTime(utc ? text.dropLast() : text), (text.utf8.count == 8) == isDate else {
            throw line.error(
                "\(line.name) value '\(text.prefix(40))' is not a valid \(isDate ? "date" : "date and time")",
                isDate ? "Write it like 20261118" : "Write it like 20261118T220000, or VALUE=DATE for a whole day")
        }
        self.wall = wall
        if isDate {
            form = .date
            zone = allDay
            return
        }
        switch (line.parameter("TZID"), utc) {
        case (nil, true):
            form = .utc
            zone = .utc
        case (let name?, false):
            guard let found = Zone(name) else {
                throw line.error(
                    "TZID '\(name.prefix(80))' of \(line.name) is not a zone of the IANA time zone database",
                    "Use a name such as Europe/Berlin; a VTIMEZONE of its own does not help")
            }
            form = .zoned
            zone = found
        case (nil, false):
            throw line.error(
                "\(line.name) is a floating time: it names no zone, so it is no instant",
                "Write \(line.name);TZID=Europe/Berlin:\(text), or \(text)Z for UTC")
        case (_?, true):
            throw line.error("\(line.name) has both a TZID and a Z", "Keep one of the two")
        }
    }
}
