// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CZlib
import Fixtures

struct Fixtures: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes the fixture day: normal work of 200 identities and one insider per signal.",
        discussion: "gatewatch fixtures --seed 1 --out fixtures")

    @Option(help: "Another seed, another day.")
    var seed: UInt64 = 1
    @Option(help: "Folder to write to.")
    var out = "fixtures"

    func run() throws {
        let day = try FixtureDay(seed: seed)
        try day.writeFixtures(to: out) { try gzip($0) }
        Terminal.print("\(day.events.count) events of \(out)/day.ndjson.gz, \(day.insiders.count) insiders")
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
