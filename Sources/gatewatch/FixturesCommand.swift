// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import CZlib
import FixtureHub
import Fixtures

struct Fixtures: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes the fixture day, or the databases of a hub after a fixture month.",
        discussion: """
            gatewatch fixtures --seed 1 --out fixtures
            gatewatch fixtures --month --seed 1 --state /tmp/month

            The day: normal work of 200 identities and one insider per signal, as files. The month: four such weeks after five in which the
            detectors learn, played through detectors, hub and activity; hub.sqlite and activity.sqlite are what a hub would have then.
            """)

    @Option(help: "Another seed, another day or month.")
    var seed: UInt64 = 1
    @Option(help: "Folder to write the day to.")
    var out = "fixtures"
    @Flag(help: "The databases after a month, in place of a day.")
    var month = false
    @Option(help: "Folder of the month's databases; must not hold any.")
    var state: String?
    @Option(parsing: .upToNextOption, help: "Rule files or folders for the month; ./detectors without.")
    var detectors: [String] = []
    @Option(help: "How many do normal work in the month.")
    var identities = 200
    @Option(help: "The month's last day.")
    var lastDay = "2026-11-22"

    func validate() throws {
        if month, state == nil { throw ValidationError("--month needs --state FOLDER, where the databases are made.") }
        if !month, state != nil { throw ValidationError("--state is for --month; the day goes to --out.") }
    }

    func run() throws {
        guard month, let state else {
            let day = try FixtureDay(seed: seed)
            try day.writeFixtures(to: out) { try gzip($0) }
            return Terminal.print(
                "\(day.events.count) events of \(out)/day.ndjson.gz, \(day.insiders.count) insiders")
        }
        let month = try FixtureMonth(.init(seed: seed, lastDay: lastDay, identities: identities))
        let hub = try FixtureHub(month, detectors: detectors.isEmpty ? ["detectors"] : detectors, folder: state)
        let summary = try hub.run { day in
            if day % 7 == 0 { Terminal.error("day \(day + 1) of \(month.dayCount)") }
        }
        Terminal.print(
            "\(summary.events) events, \(summary.alerts) alerts, \(summary.orders) orders, \(summary.approvals) requests for approval in \(state)"
        )
        for deed in summary.deeds {
            Terminal.print("\(Timestamp.iso8601(deed.from))  \(deed.identity)  \(deed.kind)")
        }
        for missed in summary.missed { Terminal.error(missed) }
        if !summary.missed.isEmpty { throw ExitCode.foundWrong }
    }
}

/// The bytes as one gzip member, without name and time: the same bytes every time.
func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
    struct DeflateError: Error {}
    var stream = z_stream()
    // 15 window bits + 16 asks for gzip's frame (zlib.h, deflateInit2).
    guard
        deflateInit2_(
            &stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
            == Z_OK
    else { throw DeflateError() }
    defer { deflateEnd(&stream) }
    var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))))
    var input = bytes
    let capacity = output.count
    let result = input.withUnsafeMutableBufferPointer { source in
        output.withUnsafeMutableBufferPointer { target in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            stream.next_out = target.baseAddress
            stream.avail_out = UInt32(capacity)
            return deflate(&stream, Z_FINISH)
        }
    }
    guard result == Z_STREAM_END else { throw DeflateError() }
    return Array(output.prefix(capacity - Int(stream.avail_out)))
}
