// SPDX-License-Identifier: Apache-2.0

/// Turns the events of a file into intervals.
struct CalendarBuilder {
    private(set) var windows: [CalendarInterval] = []
    private(set) var freezes: [CalendarInterval] = []
    private let file: String
    private var budget = CalendarLimits.occurrences

    init(file: String) { self.file = file }

    /// An event and what is left of its occurrences.
    private struct Series {
        let event: CalendarEvent
        var occurrences: [Int64: Int64]
    }

    /// Adds one VCALENDAR; a UID is unique within it.
    mutating func add(_ object: CalendarFile.Object) throws(CalendarError) {
        let allDay = try zone(of: object)
        var series: [Series] = []
        var byUID: [String: Int] = [:]
        var overrides: [(event: CalendarEvent, of: String, time: EventTime, line: ContentLine)] = []
        for raw in object.events {
            let event = try CalendarEvent(raw, file: file, allDay: allDay)
            if let replaces = event.replaces {
                overrides.append((event, event.uid ?? "", replaces.time, replaces.line))
                continue
            }
            if let uid = event.uid {
                guard byUID[uid] == nil else {
                    throw CalendarError(
                        file: file, line: event.line, component: "VEVENT",
                        problem: "UID '\(uid.prefix(80))' stands twice",
                        remedy: "Give each event its own, or mark one occurrence with RECURRENCE-ID")
                }
                byUID[uid] = series.count
            }
            series.append(Series(event: event, occurrences: try event.occurrences(budget: &budget)))
        }
        for override in overrides {
            guard let index = byUID[override.of] else {
                throw override.line.error(
                    "no event has the UID '\(override.of.prefix(80))' that this one overrides", "Add it")
            }
            let instant = override.time.instant
            if series[index].occurrences.removeValue(forKey: instant) == nil, CalendarEvent.isWithinHorizon(instant) {
                throw override.line.error(
                    "RECURRENCE-ID names no occurrence of the event, or one that is overridden already",
                    "Give the exact original start of the occurrence")
            }
        }
        for entry in series { add(entry.event, entry.occurrences) }
        for override in overrides { add(override.event, try override.event.occurrences(budget: &budget)) }
    }

    private mutating func add(_ event: CalendarEvent, _ occurrences: [Int64: Int64]) {
        guard !event.isCancelled, event.isFreeze || !event.isTransparent else { return }
        for (start, end) in occurrences where end > CalendarLimits.horizonStart && start < CalendarLimits.horizonEnd {
            let interval = CalendarInterval(start: start * 1000, end: end * 1000, summary: event.summary)
            if event.isFreeze { freezes.append(interval) } else { windows.append(interval) }
        }
    }

    /// The zone of all-day events, and a check of the properties that would change the meaning of all others.
    private func zone(of object: CalendarFile.Object) throws(CalendarError) -> Zone {
        var result = Zone.utc
        for property in object.properties {
            switch property.name {
            case "VERSION" where property.value != "2.0":
                throw property.error(
                    "VERSION \(property.value.prefix(20)) is not iCalendar 2.0", "Export as iCalendar",
                    component: "VCALENDAR")
            case "CALSCALE" where property.value.uppercased() != "GREGORIAN":
                throw property.error(
                    "CALSCALE \(property.value.prefix(20)) is not supported", "Use GREGORIAN", component: "VCALENDAR")
            case "X-WR-TIMEZONE":
                guard let zone = Zone(property.value) else {
                    throw property.error(
                        "X-WR-TIMEZONE '\(property.value.prefix(80))' is not a zone of the IANA time zone database",
                        "Use a name such as Europe/Berlin",
                        component: "VCALENDAR")
                }
                result = zone
            default:
                break
            }
        }
        return result
    }
}
