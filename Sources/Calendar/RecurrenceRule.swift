// SPDX-License-Identifier: Apache-2.0

import CICal
import Synchronization

/// An RRULE (RFC 5545 §3.3.10): checked here, expanded by libical on the wall clock.
///
/// libical works on floating times only; its zones are not used. UNTIL is kept from it, since it is an instant and is compared
/// after conversion.
struct RecurrenceRule: Sendable {
    /// The rule without UNTIL.
    private let text: String
    /// The last instant at which an occurrence may start, seconds since the epoch.
    private let until: Int64?
    private let line: ContentLine

    /// libical keeps its error number and error mode in globals, so one thread at a time works with it.
    private static let library = Mutex<Void>(())

    private static let lists: Set<String> = [
        "BYMONTH", "BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY", "BYHOUR", "BYMINUTE", "BYSETPOS",
    ]

    /// - Parameters:
    ///   - line: the RRULE line.
    ///   - start: DTSTART of the event.
    init(_ line: ContentLine, start: EventTime) throws(CalendarError) {
        self.line = line
        var names: [String] = []
        var kept: [String] = []
        var until: Int64?
        var frequency = ""
        guard line.value.utf8.count <= 2_000 else { throw line.error("the RRULE is too long", "Split the event") }
        for part in line.value.uppercased().split(separator: ";", omittingEmptySubsequences: false) {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2, !pair[1].isEmpty else {
                throw line.error(
                    "RRULE part '\(part.prefix(40))' is not NAME=value", "Write it like FREQ=WEEKLY;BYDAY=TU")
            }
            let (name, value) = (String(pair[0]), pair[1])
            guard !names.contains(name) else { throw line.error("RRULE has \(name) twice", "Keep one") }
            names.append(name)
            switch name {
            case "FREQ":
                frequency = String(value)
                guard ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"].contains(frequency) else {
                    throw line.error(
                        "FREQ=\(value.prefix(20)) is not supported",
                        "Use DAILY, WEEKLY, MONTHLY or YEARLY with BYHOUR if need be")
                }
            case "UNTIL":
                until = try RecurrenceRule.until(value, line: line, start: start)
                continue
            case "COUNT", "INTERVAL":
                guard let number = Int(value),
                    (1...(name == "COUNT" ? CalendarLimits.occurrences : 1_000)).contains(number)
                else {
                    throw line.error("RRULE \(name)=\(value.prefix(20)) is out of range", "Give a whole number from 1")
                }
            case "WKST":
                guard ["MO", "TU", "WE", "TH", "FR", "SA", "SU"].contains(value) else {
                    throw line.error("WKST=\(value.prefix(20)) is not a day", "Use MO, TU, WE, TH, FR, SA or SU")
                }
            case let name where RecurrenceRule.lists.contains(name):
                break
            default:
                throw line.error(
                    "RRULE part \(name.prefix(20)) is not supported", "Remove it, or list the dates with RDATE")
            }
            kept.append(String(part))
        }
        guard !frequency.isEmpty else { throw line.error("the RRULE has no FREQ", "Add FREQ=WEEKLY, for example") }
        guard !(names.contains("COUNT") && names.contains("UNTIL")) else {
            throw line.error("the RRULE has both COUNT and UNTIL", "Keep one of the two")
        }
        if frequency == "DAILY" || frequency == "WEEKLY",
            kept.contains(where: { $0.hasPrefix("BYDAY=") && $0.dropFirst(6).contains(where: \.isNumber) })
        {
            // §3.3.10; libical accepts it and gives dates that nobody meant.
            throw line.error("a numbered BYDAY needs FREQ=MONTHLY or YEARLY", "Remove the number or change FREQ")
        }
        if start.form == .date, names.contains("BYHOUR") || names.contains("BYMINUTE") {
            throw line.error("BYHOUR and BYMINUTE do not go with an all-day event", "Give DTSTART a time of day")
        }
        self.until = until
        text = kept.joined(separator: ";")
    }

    /// §3.3.10: of the type of DTSTART, and in UTC when that is a time.
    private static func until(_ value: Substring, line: ContentLine, start: EventTime) throws(CalendarError) -> Int64 {
        let isDate = start.form == .date
        guard isDate == (value.utf8.count == 8), isDate || value.hasSuffix("Z"),
            let wall = WallTime(isDate ? value : value.dropLast())
        else {
            throw line.error(
                "UNTIL=\(value.prefix(40)) is not a valid \(isDate ? "date" : "time in UTC"), which DTSTART asks for",
                isDate ? "Write it like UNTIL=20271231" : "Write it like UNTIL=20271231T230000Z")
        }
        let instant = isDate ? start.zone.instant(wall) : wall.seconds
        guard instant >= start.instant else {
            throw line.error(
                "UNTIL lies before DTSTART, so the event never happens", "Correct UNTIL or remove the event")
        }
        return instant
    }

    /// The starts on the wall clock, up to the horizon.
    ///
    /// - Parameter budget: how many more occurrences the file may generate; lowered by each.
    func starts(from start: EventTime, budget: inout Int) throws(CalendarError) -> [EventTime] {
        let remaining = budget
        let result = RecurrenceRule.library.withLock { _ in expand(from: start, limit: remaining) }
        switch result {
        case .success(let starts):
            budget -= starts.count
            return starts
        case .failure(let error):
            throw error
        }
    }

    private func expand(from start: EventTime, limit: Int) -> Result<[EventTime], CalendarError> {
        // Where libical is built with fatal errors it would abort the process on a bad rule.
        icalerror_set_errors_are_fatal(0)
        icalerror_clear_errno()
        let recurrence = icalrecurrencetype_from_string(text)
        let first = start.wall.fields
        var time = icaltimetype()
        (time.year, time.month, time.day) = (Int32(first.year), Int32(first.month), Int32(first.day))
        (time.hour, time.minute, time.second) = (Int32(first.hour), Int32(first.minute), Int32(first.second))
        time.is_date = start.form == .date ? 1 : 0
        guard recurrence.freq != ICAL_NO_RECURRENCE, let iterator = icalrecur_iterator_new(recurrence, time) else {
            return .failure(
                line.error(
                    "RRULE '\(line.value.prefix(80))' is not valid or never happens", "Correct it (RFC 5545 §3.3.10)"))
        }
        defer { icalrecur_iterator_free(iterator) }
        var starts: [EventTime] = []
        while true {
            let next = icalrecur_iterator_next(iterator)
            guard icaltime_is_null_time(next) == 0,
                let wall = WallTime(
                    year: Int(next.year), month: Int(next.month), day: Int(next.day), hour: Int(next.hour),
                    minute: Int(next.minute), second: Int(next.second))
            else { break }
            let occurrence = EventTime(wall: wall, form: start.form, zone: start.zone)
            if starts.isEmpty, wall != start.wall {
                return .failure(
                    line.error(
                        "DTSTART is not an occurrence of its own RRULE, which RFC 5545 §3.8.5.3 leaves undefined",
                        "Move DTSTART to the first day that the RRULE names"))
            }
            let instant = occurrence.instant
            if let until, instant > until { break }
            if instant >= CalendarLimits.horizonEnd { break }
            if starts.count >= limit {
                return .failure(
                    line.error(
                        "the file has more than \(CalendarLimits.occurrences) occurrences",
                        "Use a lower frequency, an UNTIL, or one long event"))
            }
            starts.append(occurrence)
        }
        if starts.isEmpty {
            return .failure(line.error("the RRULE has no occurrence", "Correct it or remove the event"))
        }
        return .success(starts)
    }
}

extension EventTime {
    /// A time made by a rule from a DTSTART that was read.
    init(wall: WallTime, form: Form, zone: Zone) {
        self.wall = wall
        self.form = form
        self.zone = zone
    }
}
