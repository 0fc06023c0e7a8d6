// SPDX-License-Identifier: Apache-2.0

import Calendar
import Foundation
import Testing

@Suite struct RefusalTests {
    /// The lines of the event start on line 6 of the file, after UID and SUMMARY.
    @Test(arguments: [
        (["DTSTART:20261118T100000", "DURATION:PT1H"], 7, "floating"),
        (["DTSTART;TZID=Middle/Earth:20261118T100000", "DURATION:PT1H"], 7, "Middle/Earth"),
        (["DTSTART;TZID=GMT+5:20261118T100000", "DURATION:PT1H"], 7, "IANA"),
        (["DTSTART;TZID=Europe/Berlin:20261118T100000Z", "DURATION:PT1H"], 7, "both a TZID and a Z"),
        (["DTSTART:20260230T100000Z", "DURATION:PT1H"], 7, "not a valid"),
        (["DTSTART:18000101T100000Z", "DURATION:PT1H"], 7, "years"),
        (["DTSTART:20261118T100000Z"], 4, "neither DTEND nor DURATION"),
        (["DURATION:PT1H"], 4, "no DTSTART"),
        (["DTSTART:20261118T100000Z", "DTEND:20261118T100000Z"], 8, "ends before"),
        (["DTSTART:20261118T100000Z", "DTEND:20261118T090000Z"], 8, "ends before"),
        (["DTSTART:20261118T100000Z", "DTEND:20261118T120000Z", "DURATION:PT1H"], 9, "both DTEND and DURATION"),
        (["DTSTART:20261118T100000Z", "DTEND;VALUE=DATE:20261119"], 8, "both dates"),
        (["DTSTART:20261118T100000Z", "DURATION:-PT1H"], 8, "duration"),
        (["DTSTART:20261118T100000Z", "DURATION:PT0S"], 8, "duration"),
        (["DTSTART:20261118T100000Z", "DURATION:PT"], 8, "duration"),
        (["DTSTART:20261118T100000Z", "DURATION:P1H"], 8, "duration"),
        (["DTSTART:20261118T100000Z", "DURATION:PT1M1H"], 8, "duration"),
        (["DTSTART:20261118T100000Z", "DURATION:P99999999999W"], 8, "duration"),
        (["DTSTART;VALUE=DATE:20261118", "DURATION:PT12H"], 8, "whole days"),
        (["DTSTART:20261118T100000Z", "DTSTART:20261118T110000Z", "DURATION:PT1H"], 8, "stands twice"),
        (["DTSTART:20261118T100000Z", "DURATION:PT1H", "RRULE:FREQ=HOURLY"], 9, "FREQ=HOURLY"),
        (["DTSTART:20261118T100000Z", "DURATION:PT1H", "RRULE:FREQ=SOMETIMES"], 9, "FREQ=SOMETIMES"),
        (["DTSTART:20261118T100000Z", "DURATION:PT1H", "RRULE:BYDAY=WE"], 9, "no FREQ"),
        (
            ["DTSTART:20261118T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;UNTIL=20261117T000000Z"], 9,
            "before DTSTART"
        ),
        (["DTSTART:20261118T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;UNTIL=20271117"], 9, "UTC"),
        (["DTSTART:20261118T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;UNTIL=20271117T000000"], 9, "UTC"),
        (
            ["DTSTART:20261118T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=2;UNTIL=20271117T000000Z"], 9,
            "both COUNT"
        ),
        (["DTSTART:20261118T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=0"], 9, "COUNT"),
        (["DTSTART:20261118T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;INTERVAL=70000"], 9, "INTERVAL"),
        (["DTSTART:20261118T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;BYDAY=2WE"], 9, "numbered BYDAY"),
        (["DTSTART:20261118T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;BYDAY=XX"], 9, "not valid"),
        (["DTSTART:20261118T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;BYDAY=TU"], 9, "its own RRULE"),
        (
            ["DTSTART:20261118T100000Z", "DURATION:PT1H", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"], 9,
            "never happens"
        ),
        (["DTSTART:20261118T100000Z", "DURATION:PT1H", "RRULE:RSCALE=CHINESE;FREQ=YEARLY"], 9, "RSCALE"),
        (["DTSTART:20261118T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;;"], 9, "NAME=value"),
        (["DTSTART:20261118T100000Z", "DURATION:PT1H", "EXRULE:FREQ=WEEKLY"], 9, "EXRULE"),
        (
            ["DTSTART:20261118T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY", "EXDATE:20261125T110000Z"], 10,
            "no occurrence"
        ),
        (
            ["DTSTART:20261118T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY", "EXDATE;VALUE=DATE:20261125"], 10,
            "both dates"
        ),
        (["DTSTART:20261118T100000Z", "DURATION:PT1H", "RDATE;VALUE=PERIOD:20261125T110000Z"], 9, "period"),
        (["DTSTART:20261118T100000Z", "DURATION:PT1H", "RECURRENCE-ID:20261118T100000Z"], 9, "no event has the UID"),
    ])
    func anEventIsRefusedWithItsLine(lines: [String], line: Int, says: String) throws {
        let error = try refusal(vcalendar(vevent(lines)))
        #expect(error.file == "test.ics")
        #expect(error.line == line)
        #expect(error.component == "VEVENT")
        #expect(error.description.contains(says), "\(error)")
        #expect(!error.remedy.isEmpty)
    }

    @Test(arguments: [
        ("", nil, "empty"), ("\r\n\r\n", nil, "empty"), ("hello", 1, "NAME:value"), ("<html>", 1, "NAME:value"),
        ("NAME:value", 1, "BEGIN:VCALENDAR"), ("BEGIN:VCALENDAR\r\nEND:VCALENDAR", nil, "no VEVENT"),
        ("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20261118T100000Z\r\n", 2, "truncated"),
        ("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20261118T1000", 2, "truncated"),
        ("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR", 3, "due"),
        ("BEGIN:VCALENDAR\r\n\u{0}\u{1}\u{2}", 2, "control character"),
        ("BEGIN:VEVENT\r\nEND:VEVENT", 1, "BEGIN:VCALENDAR"), ("BEGIN:VCALENDAR\r\nVERSION;X=\"a:2.0", 2, "quote"),
        ("BEGIN:VCALENDAR\r\nBEGIN:VCALENDAR", 2, "may not stand here"),
    ])
    func aFileIsRefusedWithAReason(text: String, line: Int?, says: String) throws {
        let error = try refusal(text)
        #expect(error.line == line)
        #expect(error.description.contains(says), "\(error)")
    }

    @Test func aFileThatIsNotUTF8IsRefused() {
        #expect { try ICalendar(bytes: [0x42, 0xFF, 0xFE, 0x00], file: "test.ics") } throws: {
            "\($0)".contains("not UTF-8")
        }
    }

    @Test func anotherScaleVersionOrZoneOfTheCalendarIsRefused() throws {
        let event = vevent(["DTSTART:20261118T100000Z", "DURATION:PT1H"])
        for property in ["CALSCALE:CHINESE", "VERSION:1.0", "X-WR-TIMEZONE:Middle/Earth"] {
            #expect(try refusal(vcalendar(event, properties: [property])).line == 4, "\(property)")
        }
    }

    @Test func overridesThatMissAreRefused() throws {
        let master = vevent(["DTSTART:20261103T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=4"])
        let missing = vevent(["DTSTART:20261111T150000Z", "DURATION:PT1H", "RECURRENCE-ID:20261110T110000Z"])
        #expect(try refusal(vcalendar(master, missing)).problem.contains("names no occurrence"))
        let range = vevent([
            "DTSTART:20261111T150000Z", "DURATION:PT1H", "RECURRENCE-ID;RANGE=THISANDFUTURE:20261110T100000Z",
        ])
        #expect(try refusal(vcalendar(master, range)).problem.contains("THISANDFUTURE"))
        #expect(try refusal(vcalendar(master, master)).problem.contains("stands twice"))
    }

    @Test func limitsHold() throws {
        let event = vevent([
            "DTSTART:20000101T100000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10",
        ])
        #expect(
            try refusal(vcalendar(event.replacing("T100000Z", with: "T000000Z"))).problem.contains("200000 occurrences")
        )
        #expect(
            try refusal(vcalendar(event, properties: ["X-LONG:" + String(repeating: "x", count: 1 << 20)])).problem
                .contains("bytes"))
        let small = "BEGIN:VEVENT\nDTSTART:20261118T100000Z\nDURATION:PT1H\nEND:VEVENT\n"
        let full = "BEGIN:VCALENDAR\n" + String(repeating: small, count: 10_000)
        #expect(try ICalendar(text: full + "END:VCALENDAR\n", file: "test.ics").windows.count == 1)
        #expect(try refusal(full + small + "END:VCALENDAR\n").problem.contains("10000 events"))
    }

    @Test func noDamageToAFileCrashesTheReader() {
        let text = vcalendar(
            vevent([
                "DTSTART;TZID=Europe/Berlin:20261103T220000", "DURATION:PT2H", "RRULE:FREQ=MONTHLY;BYDAY=1TU;COUNT=4",
                "EXDATE;TZID=Europe/Berlin:20261201T220000", "RDATE;VALUE=PERIOD:20261113T100000Z/PT30M",
            ]))
        let bytes = Array(text.utf8)
        var state: UInt64 = 42
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var refused = 0
        for cut in 0..<bytes.count where (try? ICalendar(bytes: Array(bytes[..<cut]), file: "test.ics")) == nil {
            refused += 1
        }
        #expect(refused >= bytes.count - 2)  // Only the last line break may be missing.
        for _ in 0..<3_000 {
            var damaged = bytes
            for _ in 0...next(4) { damaged[next(damaged.count)] = UInt8(next(256)) }
            _ = try? ICalendar(bytes: damaged, file: "test.ics")
        }
        for _ in 0..<3_000 {
            // Only digits, letters and marks, which get further into the rules.
            var damaged = bytes
            let marks = Array("0123456789;:,=-/TZPDWMOUFREQ".utf8)
            for _ in 0...next(3) { damaged[next(damaged.count)] = marks[next(marks.count)] }
            _ = try? ICalendar(bytes: damaged, file: "test.ics")
        }
    }
}
