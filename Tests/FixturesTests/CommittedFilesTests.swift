// SPDX-License-Identifier: Apache-2.0

import CZlib
import Fixtures
import Foundation
import Testing

@Suite struct CommittedFilesTests {
    /// The folder `fixtures/` beside `Tests/`.
    private let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "fixtures")

    @Test func theCommittedFilesAreWhatTheGeneratorMakes() throws {
        let day = try FixtureDay()
        for (name, text) in day.textFiles {
            #expect(
                try Data(contentsOf: folder.appending(path: name)) == Data(text.utf8),
                "\(name): generate fixtures/ again")
        }
        let compressed = try Data(contentsOf: folder.appending(path: "day.ndjson.gz"))
        #expect(compressed.count < 1_900_000)
        #expect(
            try gunzip([UInt8](compressed), limit: 64 << 20) == day.ndjson, "day.ndjson.gz: generate fixtures/ again")
    }

    @Test func filesAreWrittenToAFolderThatIsMade() throws {
        let target = FileManager.default.temporaryDirectory.appending(path: "fixtures-\(UUID().uuidString)/deep")
        defer { try? FileManager.default.removeItem(at: target.deletingLastPathComponent()) }
        let day = try FixtureDay(normalIdentities: 10)
        try day.writeFixtures(to: target.path) { Array($0.reversed()) }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: target.path).sorted() == [
                "README.md", "day.ndjson.gz", "deployment.ics", "identities.csv", "insiders.json",
            ])
        #expect(try Data(contentsOf: target.appending(path: "day.ndjson.gz")) == Data(day.ndjson.reversed()))
        let insiders = try JSONSerialization.jsonObject(with: Data(day.insidersJSON.utf8)) as? [[String: Any]]
        #expect(insiders?.count == 6)
        #expect(insiders?.first?["signal"] as? String == "bulk_requests")
    }

    @Test func aFolderThatCannotBeMadeIsNamed() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "fixtures-\(UUID().uuidString)")
        try Data().write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let day = try FixtureDay(normalIdentities: 1)
        #expect {
            try day.writeFixtures(to: file.appending(path: "inside").path) { $0 }
        } throws: {
            "\($0)".contains(file.lastPathComponent)
        }
    }

    /// Decompresses gzip (RFC 1952) of at most `limit` bytes.
    private func gunzip(_ input: [UInt8], limit: Int) throws -> [UInt8] {
        var input = input
        var output = [UInt8](repeating: 0, count: limit)
        var stream = z_stream()
        // 16 + 15: a gzip header and the largest window.
        #expect(inflateInit2_(&stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK)
        defer { inflateEnd(&stream) }
        let status = input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(target.count)
                return inflate(&stream, Z_FINISH)
            }
        }
        try #require(status == Z_STREAM_END)
        return Array(output.prefix(Int(stream.total_out)))
    }
}
