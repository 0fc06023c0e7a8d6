// SPDX-License-Identifier: Apache-2.0

import Calendar
import Foundation
import Testing

@Suite struct WindowTests {
    @Test func startIsInsideAndEndIsOutside() throws {
        let calendar = try calendar("DTSTART:20261118T090000Z", "DTEND:20261118T110000Z")
        #expect(try !calendar.contains(at("2026-11-18T09:00:00Z") - 1))
        #expect(try calendar.contains(at("2026-11-18T09:00:00Z")))
        #expect(try calendar.contains(at("2026-11-18T11:00:00Z") - 1))
        #expect(try !calendar.contains(at("2026-11-18T11:00:00Z")))
        #expect(!calendar.contains(.min))
        #expect(!calendar.contains(.max))
    }

    @Test func aWindowThatEndsAtMidnightTouchesTheNextDay() throws {
        let text = vcalendar(
            vevent(
                ["DTSTART;TZID=Europe/Berlin:20261118T220000", "DTEND;TZID=Europe/Berlin:20261119T000000"], uid: "a"),
            vevent(["DTSTART;TZID=Europe/Berlin:20261119T000000", "DURATION:PT1H"], uid: "b"))
        let calendar = try ICalendar(text: text, file: "test.ics")
        try expect(calendar, has: [("2026-11-18T21:00:00Z", "2026-11-19T00:00:00Z")])
        #expect(try calendar.contains(at("2026-11-18T23:00:00Z") - 1))
        #expect(try calendar.contains(at("2026-11-18T23:00:00Z")))
    }

    @Test func aWindowThatEndsAtMidnightExcludesMidnight() throws {
        let calendar = try calendar(
            "DTSTART;TZID=Europe/Berlin:20261118T220000", "DTEND;TZID=Europe/Berlin:20261119T000000")
        #expect(try calendar.contains(at("2026-11-18T23:00:00Z") - 1))
        #expect(try !calendar.contains(at("2026-11-18T23:00:00Z")))
    }

    @Test func lookupsExplainThemselves() throws {
        let calendar = try calendar("DTSTART:20261118T090000Z", "DTEND:20261118T110000Z", "RRULE:FREQ=WEEKLY;COUNT=2")
        let window = try #require(calendar.interval(containing: at("2026-11-18T10:00:00Z")))
        #expect(window.summary == "Window")
        #expect(try window.start == at("2026-11-18T09:00:00Z"))
        #expect(try calendar.interval(containing: at("2026-11-18T12:00:00Z")) == nil)
        #expect(try calendar.nextStart(after: at("2026-11-18T09:00:00Z")) == at("2026-11-25T09:00:00Z"))
        #expect(try calendar.nextStart(after: at("2026-11-18T09:00:00Z") - 1) == at("2026-11-18T09:00:00Z"))
        #expect(try calendar.nextStart(after: at("2026-11-25T09:00:00Z")) == nil)
    }

    @Test func overlappingWindowsMergeAndKeepBothSummaries() throws {
        let text = vcalendar(
            vevent(["DTSTART:20261118T090000Z", "DURATION:PT2H"], uid: "a"),
            vevent(["DTSTART:20261118T100000Z", "DURATION:PT2H"], uid: "b").replacing(
                "SUMMARY:Window", with: "SUMMARY:Hotfix\\, two"))
        let calendar = try ICalendar(text: text, file: "test.ics")
        try expect(calendar, has: [("2026-11-18T09:00:00Z", "2026-11-18T12:00:00Z")])
        #expect(calendar.windows.first?.summary == "Window + Hotfix, two")
    }

    @Test func aFreezeIsTakenOutOfTheWindows() throws {
        let text = vcalendar(
            vevent(["DTSTART:20261118T080000Z", "DURATION:PT8H", "RRULE:FREQ=DAILY;COUNT=3"], uid: "a"),
            vevent(
                [
                    "DTSTART:20261119T100000Z", "DTEND:20261119T110000Z", "CATEGORIES:Release,Freeze",
                    "TRANSP:TRANSPARENT",
                ], uid: "b"
            ).replacing("SUMMARY:Window", with: "SUMMARY:Freeze"))
        let calendar = try ICalendar(text: text, file: "test.ics")
        try expect(
            calendar,
            has: [
                ("2026-11-18T08:00:00Z", "2026-11-18T16:00:00Z"), ("2026-11-19T08:00:00Z", "2026-11-19T10:00:00Z"),
                ("2026-11-19T11:00:00Z", "2026-11-19T16:00:00Z"), ("2026-11-20T08:00:00Z", "2026-11-20T16:00:00Z"),
            ])
        #expect(try !calendar.contains(at("2026-11-19T10:00:00Z")))
        #expect(try calendar.contains(at("2026-11-19T11:00:00Z")))
        #expect(try calendar.freeze(containing: at("2026-11-19T10:30:00Z"))?.summary == "Freeze")
    }

    @Test func aFreezeOverWholeWindowsRemovesThem() throws {
        let text = vcalendar(
            vevent(["DTSTART:20261118T080000Z", "DURATION:PT8H", "RRULE:FREQ=DAILY;COUNT=4"], uid: "a"),
            vevent(["DTSTART;VALUE=DATE:20261119", "DTEND;VALUE=DATE:20261121", "CATEGORIES:FREEZE"], uid: "b"))
        try expect(
            ICalendar(text: text, file: "test.ics"),
            has: [("2026-11-18T08:00:00Z", "2026-11-18T16:00:00Z"), ("2026-11-21T08:00:00Z", "2026-11-21T16:00:00Z")])
    }

    @Test func aFreezeThatSharesAnEdgeWithAWindowLeavesNoEmptyRest() throws {
        let text = vcalendar(
            vevent(["DTSTART:20261118T080000Z", "DURATION:PT8H"], uid: "a"),
            vevent(["DTSTART:20261118T080000Z", "DURATION:PT1H", "CATEGORIES:FREEZE"], uid: "b"),
            vevent(["DTSTART:20261118T150000Z", "DURATION:PT1H", "CATEGORIES:FREEZE"], uid: "c"),
            vevent(["DTSTART:20261118T160000Z", "DURATION:PT1H", "CATEGORIES:FREEZE"], uid: "d"))
        try expect(ICalendar(text: text, file: "test.ics"), has: [("2026-11-18T09:00:00Z", "2026-11-18T15:00:00Z")])
    }

    @Test func cancelledAndTransparentEventsAreNoWindows() throws {
        let text = vcalendar(
            vevent(["DTSTART:20261118T080000Z", "DURATION:PT1H", "STATUS:CANCELLED"], uid: "a"),
            vevent(["DTSTART:20261119T080000Z", "DURATION:PT1H", "TRANSP:TRANSPARENT"], uid: "b"),
            vevent(["DTSTART:20261120T080000Z", "DURATION:PT1H", "STATUS:TENTATIVE", "TRANSP:OPAQUE"], uid: "c"))
        try expect(ICalendar(text: text, file: "test.ics"), has: [("2026-11-20T08:00:00Z", "2026-11-20T09:00:00Z")])
    }

    @Test func allDayEventsFollowTheZoneOfTheCalendar() throws {
        let event = vevent(["DTSTART;VALUE=DATE:20261118"])
        try expect(
            ICalendar(text: vcalendar(event, properties: ["X-WR-TIMEZONE:Europe/Berlin"]), file: "test.ics"),
            has: [("2026-11-17T23:00:00Z", "2026-11-18T23:00:00Z")])
        try expect(
            ICalendar(text: vcalendar(event), file: "test.ics"), has: [("2026-11-18T00:00:00Z", "2026-11-19T00:00:00Z")]
        )
    }

    @Test func foldedLinesBareLineFeedsAndAByteOrderMarkAreRead() throws {
        // Folded inside of the two bytes of the é, as RFC 5545 §3.1 allows.
        var bytes: [UInt8] = [0xEF, 0xBB, 0xBF]
        bytes += Array("BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:D".utf8) + [0xC3] + Array("\n ".utf8) + [0xA9]
        bytes += Array("ploiement\nDTSTART:2026\n\t1118T090000Z\nDURATION:PT1H\nEND:VEVENT\nEND:VCALENDAR\n".utf8)
        let calendar = try ICalendar(bytes: bytes, file: "test.ics")
        #expect(calendar.windows.first?.summary == "Déploiement")
        try expect(calendar, has: [("2026-11-18T09:00:00Z", "2026-11-18T10:00:00Z")])
    }

    @Test func alarmsAndOtherComponentsAreNotReadAsWindows() throws {
        let text = vcalendar(
            "BEGIN:VTODO\r\nDTSTART:20260101T000000Z\r\nDUE:20270101T000000Z\r\nEND:VTODO",
            vevent([
                "DTSTART:20261118T090000Z", "DURATION:PT1H", "BEGIN:VALARM", "TRIGGER:-PT15M", "DURATION:PT5M",
                "END:VALARM",
            ]))
        try expect(ICalendar(text: text, file: "test.ics"), has: [("2026-11-18T09:00:00Z", "2026-11-18T10:00:00Z")])
    }
}
