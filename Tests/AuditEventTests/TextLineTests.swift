// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
import Testing
import YAMLDocument

/// Lines of text through a mapping, as a file of them would be read.
final class LineEvents {
    private let transcoder: LineTranscoder
    private let reader: Reader

    init(_ fields: [String], _ mapping: Mapping, notAfter: String = "2026-11-18", year: Int? = nil) throws {
        let limit = try #require(Array(notAfter.utf8).withUnsafeBytes { Timestamp.fromISO8601($0) })
        transcoder = try LineTranscoder(try #require(mapping.lines), notAfter: limit, year: year)
        reader = try Reader(["time"] + fields, mapping: mapping)
    }

    var unmatched: Int { transcoder.unmatched }

    /// The values of `time` and of the fields, and how many events the line is.
    func read(_ line: [UInt8], received: Int64? = nil) throws -> (values: [Value], count: Int) {
        try line.withUnsafeBytes { bytes in
            let (json, count) = transcoder.event(of: bytes, received: received)
            return (try reader.read(Array(json)), count)
        }
    }

    func read(_ line: String) throws -> (values: [Value], count: Int) { try read(Array(line.utf8)) }

    func time(_ line: String, received: Int64? = nil) throws -> String? {
        guard case .int(let time) = try read(Array(line.utf8), received: received).values[0] else { return nil }
        return Timestamp.iso8601(time)
    }
}

@Suite struct TextLineTests {
    private func mapping(_ lines: String, fields: String = "{ time: time }") throws -> Mapping {
        let yaml = "name: mine\nlines:\n\(lines)\nfields: \(fields)\n"
        return try Mapping(try #require(try YAMLReader.documents(text: yaml, file: "m.yml").first))
    }

    private static let simple = #"""
          headers: ['^(?<time>[A-Z]\w\w +\d+ (?:\d{4} )?[\d:.]+|\d\S+) (?<host>\S+): (?<message>.*)$']
          repeated: '^again (?<count>\d+): \[(?<message>.*)\]$'
          messages:
            - { event: in, pattern: '^(?<user>\w+) came in$' }
            - { event: out, pattern: '^(?<user>\w*) went out(?: to (?<where>.*))?$' }
        """#

    private func events(
        _ fields: [String] = [], zone: String? = nil, notAfter: String = "2026-11-18", year: Int? = nil
    ) throws -> LineEvents {
        try LineEvents(
            fields, mapping(Self.simple + (zone.map { "\n  zone: \($0)" } ?? "")), notAfter: notAfter, year: year)
    }

    @Test func namedGroupsOfHeaderAndMessageAreFields() throws {
        let events = try events(["host", "event", "user", "where", "message"])
        #expect(
            try events.read("Nov  1 10:00:00 a: ben went out to \"the\\ pub\"\t").values.dropFirst()
                == [
                    .string("a"), .string("out"), .string("ben"), .string("\"the\\ pub\"\t"),
                    .string("ben went out to \"the\\ pub\"\t"),
                ])
        // A group that took no part is no field; an empty one is an empty text.
        #expect(
            try events.read("Nov  1 10:00:01 a:  went out").values.dropFirst()
                == [.string("a"), .string("out"), .string(""), .missing, .string(" went out")]
                || events.read("Nov  1 10:00:01 a:  went out").values[2] == .missing)
        #expect(events.unmatched == 0)
    }

    @Test func aLineOfNoKnownMessageKeepsItsTextAndOneOfNoKnownFormIsCounted() throws {
        let events = try events(["host", "event", "message"])
        #expect(
            try events.read("Nov  1 10:00:00 a: hm").values.dropFirst() == [.string("a"), .missing, .string("hm")])
        #expect(events.unmatched == 0)
        for (line, text) in [("", nil), ("hm", "hm"), ("{\"a\":1}", "{\"a\":1}"), (" {", " {")] as [(String, String?)] {
            guard let text else { continue }
            #expect(try events.read(line).values == [.missing, .missing, .missing, .string(text)])
        }
        #expect(events.unmatched == 3)
    }

    @Test func aRepeatedMessageIsSoManyEvents() throws {
        let events = try events(["event", "user"])
        let (values, count) = try events.read("Nov  1 10:00:00 a: again 5: [ben came in]")
        #expect(count == 5)
        #expect(values.dropFirst() == [.string("in"), .string("ben")])
        #expect(try events.read("Nov  1 10:00:00 a: ben came in").count == 1)
        #expect(try events.read("Nov  1 10:00:00 a: again 0: [ben came in]").count == 1)
        #expect(
            try events.read("Nov  1 10:00:00 a: again 99999999: [ben came in]").count == LineTranscoder.maximumRepeats)
        #expect(try events.read("Nov  1 10:00:00 a: again 99999999999999999999: [x]").count == 1)
    }

    @Test func textThatIsNotUTF8IsRepaired() throws {
        let events = try events(["message"])
        let line = Array("Nov  1 10:00:00 a: ".utf8) + [0xFF, 0x41, 0x00, 0xC3]
        #expect(try events.read(line).values[1] == .string("\u{FFFD}A\0\u{FFFD}"))
    }

    @Test func aLineLongerThanAPatternMayLookAtHasNoForm() throws {
        let events = try events(["event"])
        let long = "Nov  1 10:00:00 a: ben went out to " + String(repeating: "x", count: 64 << 10)
        #expect(try events.read(long).values == [.missing, .missing])
        #expect(events.unmatched == 1)
    }

    // MARK: Times

    @Test func theYearOfAFileIsTheLatestInWhichItsFirstLineIsNotAfterTheFile() throws {
        let before = try events(notAfter: "2026-11-18T12:00:00Z")
        #expect(try before.time("Nov 17 10:00:00 a: x") == "2026-11-17T10:00:00.000Z")
        // A day is left for clocks and zones.
        #expect(try events().time("Nov 18 23:59:59 a: x") == "2026-11-18T23:59:59.000Z")
        #expect(try events().time("Nov 19 00:00:01 a: x") == "2025-11-19T00:00:01.000Z")
        #expect(try events().time("Dec 10 06:55:46 a: x") == "2025-12-10T06:55:46.000Z")
    }

    @Test func aLogMayCrossNewYearAnyNumberOfTimes() throws {
        let events = try events(notAfter: "2027-01-05")
        let lines = [
            ("Feb  1 00:00:00", 2026), ("Jul 20 00:00:00", 2026), ("Dec 31 23:59:59", 2026), ("Jan  1 00:00:00", 2027),
            // Late, and still of the year before.
            ("Dec 31 23:59:58", 2026), ("Mar  3 00:00:00", 2027), ("Aug  1 00:00:00", 2027),
            ("Dec 31 00:00:00", 2027), ("Jan  2 00:00:00", 2028),
        ]
        for (line, year) in lines { #expect(try events.time("\(line) a: x")?.prefix(4) == "\(year)", "\(line)") }
    }

    @Test func theYearOfTheFirstLineMayBeSaid() throws {
        let events = try events(year: 2015)
        #expect(try events.time("Dec 10 06:55:46 a: x") == "2015-12-10T06:55:46.000Z")
        #expect(try events.time("Jan  1 00:00:00 a: x") == "2016-01-01T00:00:00.000Z")
        #expect(try events.time("Feb 29 00:00:00 a: x") == "2016-02-29T00:00:00.000Z")
    }

    @Test func aLineThatWasReceivedIsOfTheLatestYearThatIsNotAfter() throws {
        let events = try events(notAfter: "1999-01-01")
        let received: Int64 = 1_767_225_600_000  // 2026-01-01T00:00:00Z
        #expect(try events.time("Dec 31 23:59:59 a: x", received: received) == "2025-12-31T23:59:59.000Z")
        #expect(try events.time("Jan  1 00:30:00 a: x", received: received) == "2026-01-01T00:30:00.000Z")
        #expect(try events.time("Jun  1 00:30:00 a: x", received: received) == "2025-06-01T00:30:00.000Z")
        #expect(try events.time("Feb 29 00:30:00 a: x", received: received) == "2024-02-29T00:30:00.000Z")
    }

    @Test(arguments: [
        ("Nov 18 2024 10:00:00", "2024-11-18T10:00:00.000Z"), ("Nov  8 10:00:00.25", "2026-11-08T10:00:00.250Z"),
        ("2015-12-10T06:55:46+0100", "2015-12-10T05:55:46.000Z"),
        ("2015-12-10T06:55:46.123456-05:00", "2015-12-10T11:55:46.123Z"),
        ("1449730546", "2015-12-10T06:55:46.000Z"), ("1449730546000000", "2015-12-10T06:55:46.000Z"),
    ])
    func otherFormsOfTimesSayTheirYear(text: String, time: String) throws {
        #expect(try events().time("\(text) a: x") == time)
        // None of these but those of the wall clock alone depends on the zone.
        guard !text.hasPrefix("Nov") else { return }
        #expect(try events(zone: "Europe/Berlin").time("\(text) a: x") == time)
    }

    @Test func aTimeWithoutAZoneIsOfTheMappingsZone() throws {
        let berlin = try events(zone: "Europe/Berlin")
        #expect(try berlin.time("Jan 10 06:55:46 a: x") == "2026-01-10T05:55:46.000Z")
        #expect(try berlin.time("Jul 10 06:55:46 a: x") == "2026-07-10T04:55:46.000Z")
        #expect(try berlin.time("2015-12-10T06:55:46 a: x") == "2015-12-10T05:55:46.000Z")
        #expect(try berlin.time("2015-12-10T06:55:46Z a: x") == "2015-12-10T06:55:46.000Z")
        // The hour that the clock shows twice is its first, the one that it skips is that of before.
        #expect(try berlin.time("Oct 25 2026 02:30:00 a: x") == "2026-10-25T00:30:00.000Z")
        #expect(try berlin.time("Mar 29 2026 02:30:00 a: x") == "2026-03-29T01:30:00.000Z")
        #expect(try berlin.time("Mar 29 2026 03:30:00 a: x") == "2026-03-29T01:30:00.000Z")
    }

    @Test(arguments: [
        "Feb 30 10:00:00", "Nov 32 10:00:00", "Nov 18 24:00:00", "Xyz 18 10:00:00", "2026-13-01T00:00:00Z",
    ])
    func whatIsNoTimeIsRefused(text: String) throws {
        let events = try events()
        let error = #expect(throws: EventError.self) { try events.read("\(text) a: x") }
        #expect(error?.code == "bad_time")
    }

    // MARK: Records

    @Test func aRecordIsReadByTheFirstFormAllOfWhoseFieldsItHas() throws {
        let yaml = "  records: ['{t} {host}: {text}', 'Nov 18 10:00:00 {h.name}: {text}']\n" + Self.simple
        let events = try LineEvents(["host", "user"], mapping(yaml))
        #expect(
            try events.read(#"{"text":"ben came \u0069n","host":"a","t":1449730546}"#).values
                == [.int(1_449_730_546_000), .string("a"), .string("ben")])
        #expect(
            try events.read(#"{"text":"ben came in","h":{"name":"b"},"t":1}"#).values.dropFirst()
                == [.string("b"), .string("ben")])
        #expect(events.unmatched == 0)
        // Of a record that has no text its own fields are known.
        #expect(try events.read(#"{"host":"c","text":[1,2]}"#).values == [.missing, .string("c"), .missing])
        #expect(events.unmatched == 1)
        let error = #expect(throws: EventError.self) { try events.read(#"{"host":"c""#) }
        #expect(error?.code == "not_json")
    }

    // MARK: Mistakes

    @Test(arguments: [
        ("  headers: []", "headers is empty"), ("  messages: []", "headers"),
        ("  headers: ['(?<time>x']", "is no pattern"), ("  headers: ['x']", "no group for the time"),
        ("  headers: ['(?<time>x)(?<event>y)']", "names a group 'event'"),
        ("  headers: ['(?<time>x)']\n  repeated: '(?<count>x)'", "the groups count and message"),
        ("  headers: ['(?<time>x)']\n  messages: [{ pattern: x }]", "event"),
        ("  headers: ['(?<time>x)']\n  messages: [{ event: a, pattern: '(?<time>x)' }]", "names a group 'time'"),
        ("  headers: ['(?<time>x)(?<h>)']\n  messages: [{ event: a, pattern: '(?<h>x)' }]", "names a group 'h'"),
        ("  headers: ['(?<time>x)']\n  zone: Europe/Bonn", "no time zone"),
        ("  headers: ['(?<time>x)']\n  records: ['{']", "'}'"),
        ("  headers: ['(?<time>x)']\n  records: ['x']", "names no field"),
        ("  headers: ['(?<time>x)']\n  header: x", "header"),
        ("  headers: ['(?<time>\(String(repeating: "x", count: 5000)))']", "longer than"),
    ])
    func mistakesSayWhatIsWrong(yaml: String, message: String) throws {
        let error = #expect(throws: DocumentError.self) { try mapping(yaml) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        #expect(error?.line ?? 0 > 0)
    }
}
