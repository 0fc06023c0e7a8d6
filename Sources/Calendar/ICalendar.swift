// SPDX-License-Identifier: Apache-2.0

/// A deployment calendar: an iCalendar file (RFC 5545) as a sorted list of windows, all of it worked out when it is loaded.
///
/// What counts:
/// - Every VEVENT is a window, from its start (inclusive) to its end (exclusive), with all its occurrences: RRULE (DAILY and
///   coarser), RDATE, EXDATE, and single occurrences moved or cancelled by RECURRENCE-ID.
/// - A freeze is a VEVENT with `CATEGORIES:FREEZE`. It is taken out of the windows: a change within a freeze is outside, even
///   during a window. TRANSP does not matter for a freeze, since calendars mark all-day notes as transparent by themselves.
/// - `STATUS:CANCELLED` events do not count; `TRANSP:TRANSPARENT` events are not windows. A tentative event is a window.
/// - Times need a zone: a Z, or a TZID of the IANA database (see `Zone` for where it comes from). Floating times are refused. All-day
///   events run from midnight to midnight in the calendar's `X-WR-TIMEZONE`, else in UTC.
/// - A wall-clock start that the clock skips or shows twice is read as RFC 5545 §3.3.5 says; see `EventLength` for the end.
/// - Occurrences before 2000 and from 2060 on are not known: every instant there is outside.
///
/// Looking up is a binary search in memory: no clock, no I/O, no libical; safe from any thread.
package struct ICalendar: Sendable, Equatable {
    /// The windows less the freezes: sorted, disjoint, merged where they touch.
    package let windows: [CalendarInterval]
    /// The freezes: sorted, disjoint, merged where they touch.
    package let freezes: [CalendarInterval]

    /// Loads a calendar from its text.
    ///
    /// - Parameters:
    ///   - text: the whole file.
    ///   - file: its name, for messages.
    /// - Throws: `CalendarError` for anything that is not understood: nothing is passed over that could be a window.
    package init(text: String, file: String) throws(CalendarError) {
        try self.init(bytes: Array(text.utf8), file: file)
    }

    /// Loads a calendar from the bytes of its file; they have to be UTF-8.
    ///
    /// - Throws: `CalendarError` for anything that is not understood.
    package init(bytes: [UInt8], file: String) throws(CalendarError) {
        var builder = CalendarBuilder(file: file)
        for object in try CalendarFile(bytes, file: file).objects { try builder.add(object) }
        freezes = CalendarInterval.merged(builder.freezes)
        windows = CalendarInterval.subtract(freezes, from: CalendarInterval.merged(builder.windows))
    }

    /// Whether the instant (milliseconds since the epoch) lies in a window and in no freeze.
    package func contains(_ millisecondsSinceEpoch: Int64) -> Bool {
        CalendarInterval.containing(millisecondsSinceEpoch, in: windows) != nil
    }

    /// The window that holds the instant (milliseconds since the epoch), less any freeze; nil when the instant is outside.
    package func interval(containing millisecondsSinceEpoch: Int64) -> CalendarInterval? {
        CalendarInterval.containing(millisecondsSinceEpoch, in: windows)
    }

    /// The freeze that holds the instant (milliseconds since the epoch): why a change in a window may still be outside.
    package func freeze(containing millisecondsSinceEpoch: Int64) -> CalendarInterval? {
        CalendarInterval.containing(millisecondsSinceEpoch, in: freezes)
    }

    /// When the next window begins, strictly after the instant; both in milliseconds since the epoch. Nil after the last one.
    package func nextStart(after millisecondsSinceEpoch: Int64) -> Int64? {
        let index = CalendarInterval.firstIndex(after: millisecondsSinceEpoch, in: windows)
        return index < windows.count ? windows[index].start : nil
    }
}
