// SPDX-License-Identifier: Apache-2.0

import Calendar
import Foundation
import Testing

@Suite struct RecurrenceTests {
    @Test func aWeeklyRuleKeepsItsWallClockAcrossTheChangeOfTheClock() throws {
        // Berlin leaves summer time on Sunday, 25 October 2026.
        let calendar = try calendar(
            "DTSTART;TZID=Europe/Berlin:20261020T220000", "DTEND;TZID=Europe/Berlin:20261021T020000",
            "RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=2")
        try expect(
            calendar,
            has: [("2026-10-20T20:00:00Z", "2026-10-21T00:00:00Z"), ("2026-10-27T21:00:00Z", "2026-10-28T01:00:00Z")])
    }

    @Test func untilIsInclusiveAndComparedAsAnInstant() throws {
        let lines = ["DTSTART;TZID=Europe/Berlin:20261020T220000", "DURATION:PT4H"]
        // 27 October 22:00 in Berlin is 21:00 UTC, since the clock has changed.
        #expect(try calendar(lines[0], lines[1], "RRULE:FREQ=WEEKLY;UNTIL=20261027T210000Z").windows.count == 2)
        #expect(try calendar(lines[0], lines[1], "RRULE:FREQ=WEEKLY;UNTIL=20261027T205959Z").windows.count == 1)
    }

    @Test func rulesStopAtTheHorizon() throws {
        let calendar = try calendar("DTSTART:19990105T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;BYDAY=TU")
        #expect(try calendar.windows.first?.start == at("2000-01-04T10:00:00Z"))
        #expect(try calendar.windows.last?.start == at("2059-12-30T10:00:00Z"))
        #expect(calendar.windows.count == 3131)
    }

    @Test func exceptionsAndAdditionsChangeTheSet() throws {
        let calendar = try calendar(
            "DTSTART;TZID=Europe/Berlin:20261103T220000", "DURATION:PT2H", "RRULE:FREQ=WEEKLY;COUNT=4",
            "EXDATE;TZID=Europe/Berlin:20261110T220000", "EXDATE:20261117T210000Z",
            "RDATE;TZID=Europe/Berlin:20261112T200000",
            "RDATE;VALUE=PERIOD:20261113T100000Z/PT30M,20261114T100000Z/20261114T110000Z")
        try expect(
            calendar,
            has: [
                ("2026-11-03T21:00:00Z", "2026-11-03T23:00:00Z"), ("2026-11-12T19:00:00Z", "2026-11-12T21:00:00Z"),
                ("2026-11-13T10:00:00Z", "2026-11-13T10:30:00Z"), ("2026-11-14T10:00:00Z", "2026-11-14T11:00:00Z"),
                ("2026-11-24T21:00:00Z", "2026-11-24T23:00:00Z"),
            ])
    }

    @Test func anOverrideMovesOrCancelsOneOccurrence() throws {
        let text = vcalendar(
            vevent(["RECURRENCE-ID:20261110T100000Z", "DTSTART:20261111T150000Z", "DURATION:PT1H"]),
            vevent(["DTSTART:20261103T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=4"]),
            vevent(["RECURRENCE-ID:20261117T100000Z", "DTSTART:20261117T100000Z", "DURATION:PT1H", "STATUS:CANCELLED"]))
        try expect(
            ICalendar(text: text, file: "test.ics"),
            has: [
                ("2026-11-03T10:00:00Z", "2026-11-03T11:00:00Z"), ("2026-11-11T15:00:00Z", "2026-11-11T16:00:00Z"),
                ("2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z"),
            ])
    }

    @Test(arguments: [
        ("20260130T100000Z", "FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", ["2026-01-30", "2026-02-27", "2026-03-27"]),
        ("20260131T100000Z", "FREQ=MONTHLY;COUNT=3", ["2026-01-31", "2026-03-31", "2026-05-31"]),
        ("20240229T100000Z", "FREQ=YEARLY;COUNT=2", ["2024-02-29", "2028-02-29"]),
        (
            "20260105T100000Z", "FREQ=WEEKLY;INTERVAL=2;WKST=MO;BYDAY=MO,WE;COUNT=4",
            ["2026-01-05", "2026-01-07", "2026-01-19", "2026-01-21"]
        ),
        ("20260101T100000Z", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1;COUNT=2", ["2026-01-01", "2026-02-02"]),
        ("20260105T100000Z", "FREQ=DAILY;INTERVAL=10;COUNT=2", ["2026-01-05", "2026-01-15"]),
    ])
    func rulesGiveTheDaysThatTheyName(start: String, rule: String, days: [String]) throws {
        let calendar = try calendar("DTSTART:\(start)", "DURATION:PT1H", "RRULE:\(rule)")
        try expect(calendar, has: days.map { ("\($0)T10:00:00Z", "\($0)T11:00:00Z") })
    }

    @Test func allDayRulesRunFromMidnightToMidnight() throws {
        // 25 October has 25 hours in Berlin, 29 March 23.
        let text = vcalendar(
            vevent(["DTSTART;VALUE=DATE:20261018", "DTEND;VALUE=DATE:20261019", "RRULE:FREQ=WEEKLY;UNTIL=20261025"]),
            properties: ["X-WR-TIMEZONE:Europe/Berlin"])
        try expect(
            ICalendar(text: text, file: "test.ics"),
            has: [("2026-10-17T22:00:00Z", "2026-10-18T22:00:00Z"), ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")])
    }
}
