// SPDX-License-Identifier: Apache-2.0

/// A VEVENT (RFC 5545 §3.6.1), read and checked, not yet expanded.
struct CalendarEvent {
    let line: Int
    let file: String
    let uid: String?
    let summary: String
    /// STATUS:CANCELLED.
    let isCancelled: Bool
    /// TRANSP:TRANSPARENT: takes no time, so is no window.
    let isTransparent: Bool
    /// CATEGORIES holds FREEZE.
    let isFreeze: Bool
    let start: EventTime
    let length: EventLength
    let rule: RecurrenceRule?
    let additions: [Addition]
    let exceptions: [(time: EventTime, line: ContentLine)]
    /// RECURRENCE-ID: this event stands for one occurrence of the event with the same UID.
    let replaces: (time: EventTime, line: ContentLine)?

    /// One value of RDATE; its end is nil unless it is a PERIOD.
    struct Addition {
        let start: EventTime
        let end: Int64?
    }

    private static let refused: [String: String] = [
        "EXRULE": "List the dates with EXDATE"
    ]

    private static let single = [
        "DTSTART", "DTEND", "DURATION", "RRULE", "RECURRENCE-ID", "UID", "SUMMARY", "STATUS", "TRANSP",
    ]

    init(_ event: CalendarFile.Event, file: String, allDay: Zone) throws(CalendarError) {
        let eventLine = event.line
        func fault(_ problem: String, _ remedy: String) -> CalendarError {
            CalendarError(file: file, line: eventLine, component: "VEVENT", problem: problem, remedy: remedy)
        }
        var found: [String: ContentLine] = [:]
        for property in event.properties {
            if let remedy = CalendarEvent.refused[property.name] {
                throw property.error("\(property.name) is not supported", remedy)
            }
            guard CalendarEvent.single.contains(property.name) else { continue }
            guard found.updateValue(property, forKey: property.name) == nil else {
                throw property.error("\(property.name) stands twice in the event", "Keep one, or make two events")
            }
        }
        line = event.line
        self.file = file
        uid = found["UID"]?.value
        summary = found["SUMMARY"].map { String($0.text.prefix(200)) } ?? "(no summary)"
        isCancelled = found["STATUS"]?.value.uppercased() == "CANCELLED"
        isTransparent = found["TRANSP"]?.value.uppercased() == "TRANSPARENT"
        isFreeze = event.properties.contains { property in
            property.name == "CATEGORIES"
                && property.text.split(separator: ",").contains {
                    $0.drop(while: \.isWhitespace).uppercased() == "FREEZE"
                }
        }
        guard let startLine = found["DTSTART"] else { throw fault("the event has no DTSTART", "Add one") }
        let start = try EventTime(startLine.value[...], of: startLine, allDay: allDay)
        guard (1900..<2200).contains(start.wall.fields.year) else {
            throw startLine.error("DTSTART lies outside of the years 1900 to 2199", "Correct the year")
        }
        self.start = start
        switch (found["DTEND"], found["DURATION"]) {
        case (_?, let duration?):
            throw duration.error("the event has both DTEND and DURATION", "Keep one of the two")
        case (let end?, nil):
            length = try EventLength(from: start, to: EventTime(end.value[...], of: end, allDay: allDay), of: end)
        case (nil, let duration?):
            let read = try EventLength(duration: duration.value[...], of: duration)
            guard start.form != .date || read.seconds == 0 else {
                throw duration.error(
                    "an all-day event lasts whole days", "Write DURATION like P1D, or give DTSTART a time")
            }
            length = read
        case (nil, nil):
            guard start.form == .date else {
                throw fault("the event has neither DTEND nor DURATION, so it takes no time", "Add one of the two")
            }
            length = EventLength(days: 1)
        }
        if let line = found["RRULE"] { rule = try RecurrenceRule(line, start: start) } else { rule = nil }

        var additions: [Addition] = []
        var exceptions: [(time: EventTime, line: ContentLine)] = []
        for property in event.properties where property.name == "RDATE" || property.name == "EXDATE" {
            for value in property.value.split(separator: ",", omittingEmptySubsequences: false) {
                if property.name == "EXDATE" {
                    exceptions.append((try CalendarEvent.time(value, property, start, allDay), property))
                } else {
                    additions.append(try CalendarEvent.addition(value, property, start, allDay))
                }
                guard additions.count + exceptions.count <= CalendarLimits.events else {
                    throw property.error("the event has more than \(CalendarLimits.events) dates", "Use an RRULE")
                }
            }
        }
        self.additions = additions
        self.exceptions = exceptions
        guard let line = found["RECURRENCE-ID"] else {
            replaces = nil
            return
        }
        guard line.parameter("RANGE") == nil else {
            throw line.error("RANGE=THISANDFUTURE is not supported", "End the series with UNTIL and start a new one")
        }
        guard uid != nil, rule == nil, additions.isEmpty, exceptions.isEmpty else {
            throw line.error(
                "an event with RECURRENCE-ID needs a UID and may not recur itself", "Give it its own UID instead")
        }
        replaces = (try CalendarEvent.time(line.value[...], line, start, allDay), line)
    }

    /// A value that names an occurrence: of the same type as DTSTART (erratum 6316 of RFC 5545).
    private static func time(
        _ value: Substring, _ line: ContentLine, _ start: EventTime, _ allDay: Zone
    ) throws(CalendarError) -> EventTime {
        let time = try EventTime(value, of: line, allDay: allDay)
        guard (time.form == .date) == (start.form == .date) else {
            throw line.error(
                "\(line.name) and DTSTART are not both dates or both times", "Write both with the same VALUE")
        }
        return time
    }

    private static func addition(
        _ value: Substring, _ line: ContentLine, _ start: EventTime, _ allDay: Zone
    ) throws(CalendarError) -> Addition {
        guard line.parameter("VALUE")?.uppercased() == "PERIOD" else {
            return Addition(start: try time(value, line, start, allDay), end: nil)
        }
        // §3.3.9: start/end or start/duration.
        let parts = value.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, start.form != .date else {
            throw line.error("period '\(value.prefix(60))' is not valid here", "Write start/end or start/duration")
        }
        let from = try EventTime(parts[0], of: line, allDay: allDay)
        if parts[1].hasPrefix("P") {
            return Addition(start: from, end: try EventLength(duration: parts[1], of: line).end(from: from))
        }
        let to = try EventTime(parts[1], of: line, allDay: allDay)
        return Addition(start: from, end: try EventLength(from: from, to: to, of: line).end(from: from))
    }
}

extension CalendarEvent {
    /// Starts and ends of all occurrences, in seconds since the epoch, EXDATE applied; overrides are the caller's.
    func occurrences(budget: inout Int) throws(CalendarError) -> [Int64: Int64] {
        var result: [Int64: Int64] = [:]
        let starts = try rule?.starts(from: start, budget: &budget) ?? [start]
        for start in starts { result[start.instant] = length.end(from: start) }
        // A PERIOD gives its occurrence the length, also where the rule names the same start (§3.8.5.2).
        for addition in additions { result[addition.start.instant] = addition.end ?? length.end(from: addition.start) }
        budget -= additions.count + (rule == nil ? 1 : 0)
        guard budget >= 0 else {
            throw CalendarError(
                file: file, line: line, component: "VEVENT",
                problem: "the file has more than \(CalendarLimits.occurrences) occurrences",
                remedy: "Use a lower frequency, an UNTIL, or one long event")
        }
        for exception in exceptions where result.removeValue(forKey: exception.time.instant) == nil {
            // An exception that misses leaves a window open that someone meant to close.
            guard !CalendarEvent.isWithinHorizon(exception.time.instant) else {
                throw exception.line.error(
                    "EXDATE '\(exception.line.value.prefix(60))' names no occurrence of the event",
                    "Give the exact start of the occurrence, in the zone of DTSTART")
            }
        }
        return result
    }

    /// Whether an occurrence that starts then would have been generated.
    static func isWithinHorizon(_ instant: Int64) -> Bool {
        (CalendarLimits.horizonStart..<CalendarLimits.horizonEnd).contains(instant)
    }
}
