// SPDX-License-Identifier: Apache-2.0

import Calendar
import Detectors
import Foundation
import Sigma
import Testing
import YAMLDocument

@Suite("Detector files")
struct DetectorFilesTests {
    private static let calendar = """
        BEGIN:VCALENDAR
        VERSION:2.0
        PRODID:-//t//t//EN
        BEGIN:VEVENT
        UID:1
        DTSTAMP:20260101T000000Z
        DTSTART:20260106T220000Z
        DURATION:PT4H
        END:VEVENT
        END:VCALENDAR

        """

    @Test("are found in folders, in order, without hidden files and lists")
    func folders() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write("rules/b.yml", rule("b"))
        _ = try folder.write("rules/a/a.yaml", rule("a") + "\n---\n" + rule("a2"))
        _ = try folder.write("rules/.hidden.yml", "this is: [no rule")
        _ = try folder.write("rules/lists/names.yml", "names: [x]")
        _ = try folder.write("rules/readme.md", "text")
        let files = try DetectorFiles(paths: ["\(folder.path)/rules"])
        #expect(files.errors.isEmpty)
        #expect(files.fileCount == 2)
        #expect(files.rules.detections.map(\.metadata.title) == ["a", "a2", "b"])
    }

    @Test("that are bad do not take good ones along, and say where they are bad")
    func badBesideGood() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write("good.yml", rule("good"))
        let bad = try folder.write("bad.yml", rule("bad").replacingOccurrences(of: "op:", with: "op|contians:"))
        let files = try DetectorFiles(paths: [folder.path])
        #expect(files.rules.detections.map(\.metadata.title) == ["good"])
        #expect(files.errors.map(\.file) == [bad])
        #expect(files.errors.first?.line == 5)
        #expect(files.errors.first?.message.contains("Did you mean 'contains'?") == true)
    }

    @Test("that do not exist are an error of their own")
    func missing() throws {
        #expect(throws: DocumentError.self) { try DetectorFiles(paths: ["/nonexistent/rules"]) }
    }

    @Test("without any rule are an error, as nothing would ever fire")
    func empty() throws {
        let folder = try TemporaryFolder()
        #expect(try DetectorFiles(paths: [folder.path]).errors.map(\.file) == [folder.path])
        let file = try folder.write("a.yml", "# only a remark\n")
        #expect(try DetectorFiles(paths: [file]).errors.map(\.file) == [file])
        _ = try folder.write("b.yml", rule("b"))
        #expect(try DetectorFiles(paths: [folder.path]).errors == [])
    }

    @Test("find their calendar beside themselves, unless another is given")
    func calendars() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write("rules/windows.ics", Self.calendar)
        let path = try folder.write("rules/r.yml", rule("r", "gatewatch: { outside: windows.ics }"))
        let beside = try DetectorFiles(paths: [path])
        #expect(beside.errors.isEmpty)
        #expect(beside.calendars["r"]?.windows.count == 1)

        let other = try folder.write(
            "other.ics",
            Self.calendar.replacingOccurrences(of: "DURATION:PT4H", with: "DURATION:PT4H\nRRULE:FREQ=DAILY;COUNT=3"))
        #expect(try DetectorFiles(paths: [path], calendar: other).calendars["r"]?.windows.count == 3)
    }

    @Test("without their calendar are left out, together with what refers to them")
    func missingCalendar() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write("r.yml", rule("r", "gatewatch: { outside: gone.ics }"))
        _ = try folder.write(
            "c.yml",
            "title: c\nname: c\ncorrelation: { type: event_count, rules: [r], timespan: 1m, condition: { gte: 2 } }")
        let files = try DetectorFiles(paths: [folder.path])
        #expect(files.rules.metadata.isEmpty)
        #expect(files.errors.count == 2)
        #expect(files.errors.contains { $0.message.contains("gone.ics") && $0.line > 0 })
    }

    @Test("take placeholder lists from a file")
    func lists() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("r.yml", rule("r").replacingOccurrences(of: "op: r", with: "op|expand: '%names%'"))
        #expect(try DetectorFiles(paths: [path]).errors.count == 1)
        let lists = try folder.write("lists.yml", "names: [x, y]")
        #expect(try DetectorFiles(paths: [path], lists: lists).errors.isEmpty)
    }
}
