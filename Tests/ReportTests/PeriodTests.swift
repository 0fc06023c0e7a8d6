// SPDX-License-Identifier: Apache-2.0

import Report
import Testing

@Suite struct PeriodTests {
    private func hours(_ week: String, _ zone: String) throws -> Int64 {
        let period = try ReportPeriod(week: week, zone: zone)
        return (period.to - period.from) / hour
    }

    @Test func weeksInWhichClocksChangeHaveAnHourMoreOrLess() throws {
        #expect(try hours("2026-W46", "Europe/Berlin") == 168)
        #expect(try hours("2026-W13", "Europe/Berlin") == 167)
        #expect(try hours("2026-W43", "Europe/Berlin") == 169)
        #expect(try hours("2026-W10", "America/New_York") == 167)
        #expect(try hours("2026-W43", "UTC") == 168)
        #expect(try ReportPeriod(week: "2026-W46", zone: "Europe/Berlin").from == monday - hour)
    }

    @Test func theYearOfAWeekIsThatOfItsThursday() throws {
        // 1 January 2027 is a Friday: it is in the 53rd week of 2026.
        let last = try ReportPeriod(week: "2026-W53")
        #expect(try ReportPeriod(week: "2027-W01").from == last.to)
        #expect(try ReportPeriod(containing: last.to - 1).name == "2026-W53")
        #expect(try ReportPeriod(containing: last.to).name == "2027-W01")
        // 30 December 2024 is a Monday of 2025.
        #expect(try ReportPeriod(containing: 1_735_516_800_000).name == "2025-W01")
        #expect(try ReportPeriod(week: "2020-W53").to == ReportPeriod(week: "2021-W01").from)
    }

    @Test func theLastWholeWeekIsTheOneThatIsOver() throws {
        #expect(try ReportPeriod(lastBefore: monday).name == "2026-W45")
        #expect(try ReportPeriod(lastBefore: monday - 1).name == "2026-W44")
        // In Berlin Monday has begun already.
        #expect(try ReportPeriod(lastBefore: monday - 1, zone: "Europe/Berlin").name == "2026-W45")
    }

    @Test(arguments: [
        "", "2026", "2026-46", "2026-W0", "2026-W00", "2025-W53", "2026-W54", "2026-W+1", "2026-w46", "2026-W046",
        "-026-W01", "1969-W10", "2026-W46 ", "٢٠٢٦-W46",
    ])
    func whatIsNoWeekIsRefused(text: String) {
        #expect(throws: PeriodError.self) { try ReportPeriod(week: text) }
    }

    @Test func whatIsNoZoneIsRefused() {
        for zone in ["", "Mars/Phobos", "GMT+5", "W. Europe Standard Time"] {
            #expect(throws: PeriodError.self) { try ReportPeriod(week: "2026-W46", zone: zone) }
        }
    }
}
