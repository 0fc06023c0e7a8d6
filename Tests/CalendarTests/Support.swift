// SPDX-License-Identifier: Apache-2.0

import Calendar
import Foundation
import Testing

/// A calendar of one VEVENT with the given lines.
func calendar(_ lines: String...) throws -> ICalendar {
    try ICalendar(text: vcalendar(vevent(lines)), file: "test.ics")
}

/// The lines of a VEVENT with a summary.
func vevent(_ lines: [String], uid: String = "one@example.com") -> String {
    (["BEGIN:VEVENT", "UID:\(uid)", "SUMMARY:Window"] + lines + ["END:VEVENT"]).joined(separator: "\r\n")
}

/// A VCALENDAR around components, with CRLF as RFC 5545 asks.
func vcalendar(_ components: String..., properties: [String] = []) -> String {
    (["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Gatewatch//Tests//EN"] + properties + components + ["END:VCALENDAR"])
        .joined(separator: "\r\n") + "\r\n"
}

/// Milliseconds since the epoch of an RFC 3339 time.
func at(_ text: String) throws -> Int64 {
    Int64(try Date(text, strategy: .iso8601).timeIntervalSince1970 * 1000)
}

/// The error that a text must give.
func refusal(_ text: String) throws -> CalendarError {
    do {
        _ = try ICalendar(text: text, file: "test.ics")
    } catch {
        return error
    }
    Issue.record("accepted: \(text)")
    throw Accepted()
}

struct Accepted: Error {}

/// Expects exactly these windows, given as start and end in RFC 3339.
func expect(
    _ calendar: ICalendar, has expected: [(String, String)], sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let spans = try expected.map { [try at($0.0), try at($0.1)] }
    #expect(calendar.windows.map { [$0.start, $0.end] } == spans, sourceLocation: sourceLocation)
}
