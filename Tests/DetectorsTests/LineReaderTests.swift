// SPDX-License-Identifier: Apache-2.0

import Detectors
import Foundation
import Testing

@Suite("Line reader")
struct LineReaderTests {
    /// `{"a":1}\r\n{"a":2}\n\n{"a":3}`, gzipped.
    private let gzipped = [UInt8](
        Data(base64Encoded: "H4sIAAAAAAAC/6tWSlSyMqzl5aoGMYxquSAM41oAWbNopRkAAAA=") ?? Data())

    private func lines(_ bytes: [UInt8]) throws -> [String] {
        let folder = try TemporaryFolder()
        let reader = try LineReader(path: try folder.write("in", bytes))
        var lines: [String] = []
        while try reader.next({ lines.append(String(decoding: $0, as: UTF8.self)) }) {}
        return lines
    }

    @Test("reads gzip and plain alike, by what is in the file and not by its name")
    func gzip() throws {
        let expected = [#"{"a":1}"#, #"{"a":2}"#, "", #"{"a":3}"#]
        #expect(try lines(gzipped) == expected)
        #expect(try lines(Array("{\"a\":1}\r\n{\"a\":2}\n\n{\"a\":3}".utf8)) == expected)
    }

    @Test("says that gzip data ends in the middle, after giving what there is", arguments: [4, 12, 20])
    func truncated(missing: Int) throws {
        #expect {
            _ = try lines(gzipped.dropLast(missing))
        } throws: { error in
            "\(error)".contains("ends in the middle")
        }
    }

    @Test("says that gzip data is damaged")
    func damaged() throws {
        var bytes = gzipped
        bytes[14] ^= 0x55
        #expect(throws: LineReader.ReadError.self) { _ = try lines(bytes) }
    }

    @Test("gives the beginning of a line of 70 MB and goes on with the next one")
    func hugeLine() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            "in",
            Array("first\n".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: 70 << 20) + Array("\nlast\n".utf8))
        let reader = try LineReader(path: path)
        var counts: [Int] = []
        while try reader.next({ counts.append($0.count) }) {}
        #expect(counts.count == 3)
        #expect(counts.first == 5)
        #expect(counts.last == 4)
        #expect(counts[1] >= 64 << 20)
    }

    @Test("gives a huge last line without an end once")
    func hugeLastLine() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("in", [UInt8](repeating: UInt8(ascii: "x"), count: 70 << 20))
        let reader = try LineReader(path: path)
        var count = 0
        while try reader.next({ _ in count += 1 }) {}
        #expect(count == 1)
    }
}
