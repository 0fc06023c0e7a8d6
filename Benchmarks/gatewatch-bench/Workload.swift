// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Calendar
import Detection
import Detectors
import Fixtures
import Foundation

/// The fixture day in memory, movable from day to day in place so that the engine always sees new events.
final class Workload {
    struct Event {
        let start: Int
        let count: Int
        /// Where the 13 digits of the time and the last digits of the uid stand.
        let time: Int
        let uid: Int
        let milliseconds: Int64
        let identity: String
    }

    let bytes: UnsafeMutableRawBufferPointer
    private(set) var events: [Event] = []
    let files: DetectorFiles
    let directory: IdentityDirectory
    private(set) var day = 0

    init() throws {
        let fixture = try FixtureDay()
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let calendar = FileManager.default.temporaryDirectory.appendingPathComponent("gatewatch-bench-\(getpid()).ics")
        try fixture.calendarICS.write(to: calendar, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: calendar) }
        files = try DetectorFiles(paths: [root.appendingPathComponent("detectors").path], calendar: calendar.path)
        directory = try IdentityDirectory(text: fixture.identitiesCSV, file: "identities.csv")

        let padding = JSONIndex.padding
        bytes = .allocate(byteCount: fixture.events.reduce(0) { $0 + $1.json.count + padding }, alignment: 64)
        var start = 0
        for event in fixture.events {
            UnsafeMutableRawBufferPointer(rebasing: bytes[start...]).copyBytes(from: event.json)
            let text = String(decoding: event.json, as: UTF8.self)
            guard let time = text.range(of: "\"time\":"), let uid = text.range(of: "\"uid\":\"") else { continue }
            events.append(
                Event(
                    start: start, count: event.json.count, time: start + time.upperBound.utf16Offset(in: text),
                    uid: start + uid.upperBound.utf16Offset(in: text), milliseconds: event.timeMilliseconds,
                    identity: event.identity))
            start += event.json.count
            for i in start..<(start + padding) { bytes[i] = 0x20 }
            start += padding
        }
    }

    deinit {
        bytes.deallocate()
    }

    var meanBytes: Int { events.reduce(0) { $0 + $1.count } / max(1, events.count) }

    func text(_ event: Event) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[event.start..<(event.start + event.count)])
    }

    /// Moves every event to the next day, with other uids.
    func nextDay() {
        day += 1
        for event in events {
            for (index, digit) in String(event.milliseconds + Int64(day) * 86_400_000).utf8.enumerated() {
                bytes[event.time + index] = digit
            }
            for (index, digit) in String(format: "%04x", day & 0xFFFF).utf8.enumerated() {
                bytes[event.uid + index] = digit
            }
        }
    }

    func plan() throws -> DetectorPlan {
        try DetectorPlan(
            rules: files.rules, mapping: Mapping.named("ocsf"), directory: directory, calendars: files.calendars)
    }
}
