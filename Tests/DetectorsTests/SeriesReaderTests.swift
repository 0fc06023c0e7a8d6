// SPDX-License-Identifier: Apache-2.0

import Detectors
import Foundation
import Testing

@Suite("Series reader") struct SeriesReaderTests {
    private func rows(_ text: String, time: String = "t", value: String = "v") throws -> [SeriesReader.Row] {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("series-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try text.write(to: file, atomically: true, encoding: .utf8)
        let reader = try SeriesReader(path: file.path, timeField: time, valueField: value)
        var rows: [SeriesReader.Row] = []
        while let row = try reader.next() { rows.append(row) }
        return rows
    }

    private func complaint(_ text: String) -> String {
        do {
            let count = try rows(text).count
            return "\(count) rows"
        } catch {
            return "\(error)".split(separator: ":").dropFirst(1).joined(separator: ":")
        }
    }

    @Test func `NDJSON: any name will do for the time and the value, also those of an event's own fields`() throws {
        let text = #"{"time":1795003200000,"at":1,"of":2,"value":3}"#
        #expect(try rows(text, time: "time", value: "value").map(\.value) == [3])
        #expect(try rows(text, time: "time", value: "at").map(\.time) == [1_795_003_200_000])
        #expect(try rows(#"{"a":{"time":"2026-11-21T09:00:00Z"},"v":4}"#, time: "a.time").map(\.value) == [4])
    }

    @Test func `CSV: columns by name, quotes, empty lines, a mark, and lines that end in CR LF`() throws {
        let rows = try rows("\u{FEFF}x,v,t\r\n1,2.5,\"2014-04-01 00:00:00\"\r\n\r\n1,-3e2,1396310700\r\n")
        #expect(rows.map(\.time) == [1_396_310_400_000, 1_396_310_700_000])
        #expect(rows.map(\.value) == [2.5, -300])
        #expect(rows[0].timeText == "2014-04-01 00:00:00")
    }

    @Test func `NDJSON: paths, numbers and texts`() throws {
        let rows = try rows(
            """
            {"a":{"t":"2014-04-01T00:00:00Z"},"v":2}
            {"a":{"t":1396310700},"v":"3.5"}
            """, time: "a.t")
        #expect(rows.map(\.time) == [1_396_310_400_000, 1_396_310_700_000])
        #expect(rows.map(\.value) == [2, 3.5])
    }

    @Test func `NDJSON: a field called time is only a field`() throws {
        #expect(try rows("{\"t\":1396310700,\"time\":\"noon\",\"v\":1}").count == 1)
    }

    @Test func `a missing reading is a row without a value`() throws {
        #expect(try rows("t,v\n1396310400,\n1396310700,NaN\n").map(\.value) == [nil, nil])
        #expect(try rows("{\"t\":1396310400,\"v\":null}\n{\"t\":1396310400}").map(\.value) == [nil, nil])
    }

    @Test(arguments: [
        ("t,w\n", "1: the header has no column 'v'; it has t, w."),
        ("t,v\n1396310400\n", "2: has 1 field, fewer than the header."),
        ("t,v\nnoon,1\n", "2: 'noon' in 't' is no time: write ISO 8601, or a number since the epoch."),
        (
            "t,v\n1396310400,1\n1396310400,high\n",
            "3: 'high' in 'v' is no number; leave it empty where there is none."
        ),
        ("t,v\n\"1396310400,1\n", "2: a quote opens here and never closes."),
        ("{\"t\":1396310400,\"v\":[1,2]}\n", "1: '' in 'v' is no number; leave it empty where there is none."),
        ("{\"v\":1}\n", "1: '' in 't' is no time: write ISO 8601, or a number since the epoch."),
    ])
    func `a bad row is told with its line`(text: String, expected: String) {
        #expect(complaint(text) == expected)
    }

    @Test func `nothing is no row`() throws {
        #expect(try rows("").isEmpty)
        #expect(try rows("t,v\n").isEmpty)
    }
}
