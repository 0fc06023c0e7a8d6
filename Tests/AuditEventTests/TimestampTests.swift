// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
import Testing

@Suite struct TimestampTests {
    private func read(_ text: String) -> Int64? {
        Array(text.utf8).withUnsafeBytes { Timestamp.milliseconds(.string($0)) }
    }

    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-11-18T09:30:00.250+01:00", 1_794_990_600_250),
            ("2026-11-18 08:30:00.25Z", 1_794_990_600_250),
            ("2026-11-18T08:30:00", 1_794_990_600_000), ("2026-11-18t08:30:00z", 1_794_990_600_000),
            ("2026-11-18", 1_794_960_000_000),
            ("2026-11-18T08:30Z", 1_794_990_600_000), ("2026-11-18T08:30:00,999999Z", 1_794_990_600_999),
            ("2026-11-18T03:00:00-0530", 1_794_990_600_000), ("2026-11-18T10:30:00+02", 1_794_990_600_000),
            ("20261118T083000Z", 1_794_990_600_000), ("20261118", 1_794_960_000_000),
            ("20261118T0930+0100", 1_794_990_600_000),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000), ("2000-02-29", 951_782_400_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999), ("2023-09-17 21:00:00.000000", 1_694_984_400_000),
            ("1794990600", 1_794_990_600_000), ("1794990600250", 1_794_990_600_250),
            ("1794990600.25", 1_794_990_600_250),
        ] as [(String, Int64)])
    func timesAreRead(text: String, milliseconds: Int64) {
        #expect(read(text) == milliseconds)
    }

    @Test(arguments: [
        "", "now", "2023-02-29", "2100-02-29", "2026-13-01", "2026-00-10", "2026-11-31", "2026-11-18T24:00:00Z",
        "2026-11-18T08:60:00Z",
        "2026-11-18T08:30:61Z", "2026-11-18T08:30:00.Z", "2026-11-18T08:30:00+", "2026-11-18T08:30:00+1",
        "2026-11-18T08:30:00+01:",
        "2026-11-18T08:30:00ZZ", "2026-11-18X08:30:00", "1969-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "2026-1118",
        "20261399", "-5",
        "9999-12-31T23:59:59-01:00", "1e30", "2026-11-18T08:3000Z", "2026-11-18T", "20261118T083000ZQ",
    ])
    func whatIsNoTimeIsRefused(text: String) {
        #expect(read(text) == nil)
    }

    @Test func numbersAreTakenByTheirSize() {
        for value in [Int64(1_794_990_600), 1_794_990_600_000, 1_794_990_600_000_000, 1_794_990_600_000_000_000] {
            #expect(Timestamp.milliseconds(.int(value)) == 1_794_990_600_000)
            #expect(Timestamp.milliseconds(.double(Double(value))) == 1_794_990_600_000)
        }
        #expect(Timestamp.milliseconds(.int(0)) == 0)
        #expect(Timestamp.milliseconds(.int(-1)) == nil)
        #expect(Timestamp.milliseconds(.int(.max)) == 9_223_372_036_854)
        for value in [-1.0, 1e19, .infinity, .nan] { #expect(Timestamp.milliseconds(.double(value)) == nil) }
        #expect(Timestamp.milliseconds(.bool(true)) == nil)
        #expect(Timestamp.milliseconds(.null) == nil)
    }

    @Test func fractionsOfSecondsKeepTheirMilliseconds() {
        for milliseconds in stride(from: Int64(1_700_000_000_000), to: 1_700_000_002_000, by: 1) {
            #expect(Timestamp.milliseconds(.double(Double(milliseconds) / 1000)) == milliseconds)
        }
    }

    @Test func writtenTimesReadBack() {
        var random = Seeded(state: 7)
        for _ in 0..<2000 {
            let time = Int64.random(in: 0...Timestamp.maximum, using: &random)
            #expect(read(Timestamp.iso8601(time)) == time)
        }
        #expect(Timestamp.iso8601(1_794_990_600_250) == "2026-11-18T08:30:00.250Z")
        #expect(Timestamp.iso8601(-1) == "1969-12-31T23:59:59.999Z")
    }
}
