// SPDX-License-Identifier: Apache-2.0

import Calendar
import Foundation
import Testing

/// Berlin: 29 March 2026 02:00 → 03:00, 25 October 2026 03:00 → 02:00.
@Suite struct DaylightSavingTests {
    @Test func aSkippedTimeIsReadWithTheOffsetBeforeTheGap() throws {
        let calendar = try calendar("DTSTART;TZID=Europe/Berlin:20260329T023000", "DURATION:PT1H")
        try expect(calendar, has: [("2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z")])
    }

    @Test func anAmbiguousTimeIsTheFirstOfTheTwo() throws {
        let calendar = try calendar("DTSTART;TZID=Europe/Berlin:20261025T023000", "DURATION:PT1H")
        try expect(calendar, has: [("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z")])
    }

    @Test func theEdgesOfTheChangesAreExact() throws {
        for (wall, utc) in [
            ("20260329T015959", "2026-03-29T00:59:59Z"), ("20260329T020000", "2026-03-29T01:00:00Z"),
            ("20260329T030000", "2026-03-29T01:00:00Z"), ("20261025T015959", "2026-10-24T23:59:59Z"),
            ("20261025T020000", "2026-10-25T00:00:00Z"), ("20261025T025959", "2026-10-25T00:59:59Z"),
            ("20261025T030000", "2026-10-25T02:00:00Z"),
        ] {
            #expect(
                try calendar("DTSTART;TZID=Europe/Berlin:\(wall)", "DURATION:PT1S").windows.first?.start == at(utc),
                "\(wall)")
        }
    }

    @Test func aDailyRuleThroughTheGapKeepsAnOccurrenceOnThatDay() throws {
        let calendar = try calendar(
            "DTSTART;TZID=Europe/Berlin:20260328T023000", "DURATION:PT15M", "RRULE:FREQ=DAILY;COUNT=3")
        try expect(
            calendar,
            has: [
                ("2026-03-28T01:30:00Z", "2026-03-28T01:45:00Z"), ("2026-03-29T01:30:00Z", "2026-03-29T01:45:00Z"),
                ("2026-03-30T00:30:00Z", "2026-03-30T00:45:00Z"),
            ])
    }

    @Test func anEndGivesEveryOccurrenceTheSameExactLength() throws {
        // RFC 5545 §3.8.5.3: Saturday 22:00–04:00 is six hours, so it ends at 05:00 and 03:00 on the nights of the change.
        let spring = try calendar(
            "DTSTART;TZID=Europe/Berlin:20260321T220000", "DTEND;TZID=Europe/Berlin:20260322T040000",
            "RRULE:FREQ=WEEKLY;COUNT=2")
        try expect(
            spring,
            has: [("2026-03-21T21:00:00Z", "2026-03-22T03:00:00Z"), ("2026-03-28T21:00:00Z", "2026-03-29T03:00:00Z")])
        let autumn = try calendar(
            "DTSTART;TZID=Europe/Berlin:20261017T220000", "DTEND;TZID=Europe/Berlin:20261018T040000",
            "RRULE:FREQ=WEEKLY;COUNT=2")
        try expect(
            autumn,
            has: [("2026-10-17T20:00:00Z", "2026-10-18T02:00:00Z"), ("2026-10-24T20:00:00Z", "2026-10-25T02:00:00Z")])
    }

    @Test func daysOfADurationFollowTheWallClockAndHoursAreExact() throws {
        let day = try calendar(
            "DTSTART;TZID=Europe/Berlin:20260321T120000", "DURATION:P1D", "RRULE:FREQ=WEEKLY;COUNT=2")
        try expect(
            day,
            has: [("2026-03-21T11:00:00Z", "2026-03-22T11:00:00Z"), ("2026-03-28T11:00:00Z", "2026-03-29T10:00:00Z")])
        let hours = try calendar(
            "DTSTART;TZID=Europe/Berlin:20260321T120000", "DURATION:PT24H", "RRULE:FREQ=WEEKLY;COUNT=2")
        try expect(
            hours,
            has: [("2026-03-21T11:00:00Z", "2026-03-22T11:00:00Z"), ("2026-03-28T11:00:00Z", "2026-03-29T11:00:00Z")])
    }

    @Test func aSingleEventEndsWhereItsEndIsWritten() throws {
        let calendar = try calendar(
            "DTSTART;TZID=Europe/Berlin:20260328T220000", "DTEND;TZID=Europe/Berlin:20260329T040000")
        try expect(calendar, has: [("2026-03-28T21:00:00Z", "2026-03-29T02:00:00Z")])
    }

    @Test(arguments: [
        ("Europe/Berlin", "20000701T120000", "2000-07-01T10:00:00Z"),
        ("Europe/Berlin", "20590701T120000", "2059-07-01T10:00:00Z"),
        ("Europe/Berlin", "20591201T120000", "2059-12-01T11:00:00Z"),
        // The United States moved the change in 2007.
        ("America/New_York", "20060315T120000", "2006-03-15T17:00:00Z"),
        ("America/New_York", "20070315T120000", "2007-03-15T16:00:00Z"),
        ("America/New_York", "20450701T120000", "2045-07-01T16:00:00Z"),
        // Half an hour of summer time, and a day that was skipped as a whole.
        ("Australia/Lord_Howe", "20270101T120000", "2027-01-01T01:00:00Z"),
        ("Pacific/Apia", "20111229T120000", "2011-12-29T22:00:00Z"),
        ("Pacific/Apia", "20111231T120000", "2011-12-30T22:00:00Z"),
    ])
    func zonesAreRightInThePastAndFarAhead(zone: String, wall: String, utc: String) throws {
        #expect(try calendar("DTSTART;TZID=\(zone):\(wall)", "DURATION:PT1H").windows.first?.start == at(utc))
    }
}
