// SPDX-License-Identifier: Apache-2.0

import Foundation
import Routing
import Testing

@Suite struct TimeIntervalTests {
    private func interval(_ part: String) throws -> Routing.TimeInterval {
        let read = try configuration(
            "route: { receiver: default }\ntime_intervals: [{ name: x, time_intervals: [\(part)] }]")
        return try #require(read.timeIntervals.first)
    }

    private func time(_ text: String) throws -> Int64 {
        Int64(try Date(text, strategy: .iso8601).timeIntervalSince1970 * 1000)
    }

    /// Which of some times are in it.
    private func times(_ part: String, _ texts: [String]) throws -> [String] {
        let interval = try interval(part)
        return try texts.filter { interval.contains(try time($0)) }
    }

    @Test func theWorkingWeekOfAlertmanagersDocumentation() throws {
        let week =
            #"{ times: [{ start_time: "09:00", end_time: "17:00" }], weekdays: ['monday:friday'], location: Australia/Sydney }"#
        // Sydney is 11 hours ahead in January: Monday 09:00 there is Sunday 22:00 in UTC.
        #expect(
            try times(
                week,
                [
                    "2026-01-11T21:59:59Z", "2026-01-11T22:00:00Z", "2026-01-12T05:59:59Z", "2026-01-12T06:00:00Z",
                    "2026-01-16T05:00:00Z", "2026-01-16T22:00:00Z",
                ]) == ["2026-01-11T22:00:00Z", "2026-01-12T05:59:59Z", "2026-01-16T05:00:00Z"])
    }

    @Test func anEndIsNotIncludedAndADayEndsAtTwentyFour() throws {
        let evening = #"{ times: [{ start_time: "17:00", end_time: "24:00" }] }"#
        #expect(
            try times(
                evening,
                ["2026-01-12T16:59:59Z", "2026-01-12T17:00:00Z", "2026-01-12T23:59:59Z", "2026-01-13T00:00:00Z"])
                == ["2026-01-12T17:00:00Z", "2026-01-12T23:59:59Z"])
    }

    @Test func daysCountFromBothEndsOfTheMonthAndAreCutAtThem() throws {
        let days = ["2024-02-01", "2024-02-05", "2024-02-06", "2024-02-26", "2024-02-27", "2024-02-29", "2026-02-28"]
            .map { $0 + "T12:00:00Z" }
        #expect(
            try times("{ days_of_month: ['1:5', '-3:-1'] }", days).map { $0.prefix(10) }
                == ["2024-02-01", "2024-02-05", "2024-02-27", "2024-02-29", "2026-02-28"])
        #expect(try times("{ days_of_month: ['1:31'] }", days) == days)
        // It begins behind the end of the month: none of its days is meant.
        #expect(try times("{ days_of_month: ['30:31'] }", days) == [])
        #expect(
            try times("{ days_of_month: ['-31:-29'] }", ["2024-02-01T12:00:00Z", "2024-02-02T12:00:00Z"]) == [
                "2024-02-01T12:00:00Z"
            ])
    }

    @Test func monthsYearsAndWeekdays() throws {
        let months = (1...12).map { "2026-\($0 < 10 ? "0" : "")\($0)-15T12:00:00Z" }
        #expect(
            try times("{ months: ['1:3', 'may:August', december] }", months).map { Int($0.dropFirst(5).prefix(2)) }
                == [1, 2, 3, 5, 6, 7, 8, 12])
        #expect(
            try times(
                "{ years: ['2020:2022', '2030'] }",
                ["2019-12-31T23:59:59Z", "2020-01-01T00:00:00Z", "2023-01-01T00:00:00Z", "2030-06-01T00:00:00Z"])
                == ["2020-01-01T00:00:00Z", "2030-06-01T00:00:00Z"])
        // 2026-11-15 is a Sunday.
        let week = (15...21).map { "2026-11-\($0)T12:00:00Z" }
        #expect(
            try times("{ weekdays: ['monday:wednesday', saturday, Sunday] }", week) == [0, 1, 2, 3, 6].map { week[$0] })
    }

    @Test func everyFieldMustHoldAndOnePartIsEnough() throws {
        let parts = "{ months: [january], weekdays: [monday] }, { days_of_month: ['13'] }"
        #expect(
            try times(
                parts, ["2026-01-12T00:00:00Z", "2026-01-14T00:00:00Z", "2026-02-09T00:00:00Z", "2026-02-13T00:00:00Z"])
                == ["2026-01-12T00:00:00Z", "2026-02-13T00:00:00Z"])
        #expect(try times("{}", ["2026-01-12T00:00:00Z"]).count == 1)
    }

    @Test func whenClocksGoForwardTheSkippedHourIsNever() throws {
        // Berlin, 2026-03-29: 02:00 CET becomes 03:00 CEST, at 01:00 UTC.
        let hour = #"{ times: [{ start_time: "02:00", end_time: "03:00" }], location: Europe/Berlin }"#
        let march = try interval(hour)
        let midnight = try time("2026-03-28T23:00:00Z")
        #expect(!(0..<1380).contains { march.contains(midnight + Int64($0) * 60_000) })
        let night = #"{ times: [{ start_time: "00:00", end_time: "06:00" }], location: Europe/Berlin }"#
        #expect(
            try times(
                night, ["2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z", "2026-03-29T03:59:59Z", "2026-03-29T04:00:00Z"])
                == ["2026-03-28T23:00:00Z", "2026-03-29T03:59:59Z"])
    }

    @Test func whenClocksGoBackBothHoursCount() throws {
        // Berlin, 2026-10-25: 03:00 CEST becomes 02:00 CET, at 01:00 UTC.
        let hour = #"{ times: [{ start_time: "02:00", end_time: "03:00" }], location: Europe/Berlin }"#
        #expect(
            try times(
                hour, ["2026-10-24T23:59:59Z", "2026-10-25T00:00:00Z", "2026-10-25T01:59:59Z", "2026-10-25T02:00:00Z"])
                == ["2026-10-25T00:00:00Z", "2026-10-25T01:59:59Z"])
        let sunday = try interval("{ weekdays: [sunday], location: Europe/Berlin }")
        let start = try time("2026-10-24T22:00:00Z")
        #expect((0..<1500).allSatisfy { sunday.contains(start + Int64($0) * 60_000) })
        #expect(!sunday.contains(start - 1) && !sunday.contains(start + 1500 * 60_000))
    }

    @Test(arguments: [
        #"{ times: [{ start_time: "17:00", end_time: "09:00" }] }"#,
        #"{ times: [{ start_time: "9:00", end_time: "10:00" }] }"#,
        #"{ times: [{ start_time: "09:00", end_time: "24:01" }] }"#, #"{ times: [{ start_time: "09:00" }] }"#,
        "{ weekdays: ['friday:monday'] }", "{ weekdays: [Mon] }", "{ days_of_month: ['0'] }",
        "{ days_of_month: ['32'] }",
        "{ days_of_month: ['-1:1'] }", "{ days_of_month: ['10:5'] }", "{ days_of_month: ['-1:-5'] }",
        "{ days_of_month: ['31:-20'] }",
        "{ months: ['13'] }", "{ months: ['may:march'] }", "{ years: ['2030:2020'] }", "{ years: ['1:2:3'] }",
        "{ location: Berlin }", "{ location: GMT+5 }", "{ day: [1] }",
    ])
    func whatIsNoTimeIsRefused(_ part: String) {
        #expect(throws: (any Error).self) { try interval(part) }
    }

    @Test func activeTimesMuteTheRestAndMuteTimesWin() throws {
        let read = try configuration(
            """
            time_intervals:
            - { name: mondays, time_intervals: [{ weekdays: [monday] }] }
            - { name: mornings, time_intervals: [{ times: [{ start_time: "00:00", end_time: "12:00" }] }] }
            route:
              receiver: default
              routes: [{ matchers: [a=b], active_time_intervals: [mondays], mute_time_intervals: [mornings] }]
            """)
        let route = try #require(read.route.routes.first)
        #expect(read.muting(route, at: try time("2026-11-16T13:00:00Z")) == [])
        #expect(read.muting(route, at: try time("2026-11-16T11:00:00Z")) == ["mornings"])
        #expect(read.muting(route, at: try time("2026-11-17T13:00:00Z")) == ["mondays"])
        #expect(read.muting(read.route, at: try time("2026-11-17T01:00:00Z")) == [])
    }
}
