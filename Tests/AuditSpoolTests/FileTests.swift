// SPDX-License-Identifier: Apache-2.0

import AuditSpool
import Children
import Foundation
import Kafka
import Testing

/// CRC-32C bit by bit, to check the fast one and the format's description against.
private func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var value: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
        value ^= UInt32(byte)
        for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
    }
    return ~value
}

private func number(_ bytes: ArraySlice<UInt8>) -> Int {
    bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
}

extension SpoolTests {
    @Suite struct Files {
        private func opened(_ folder: Folder, lines: LogLines = LogLines()) throws -> AuditSpool {
            try AuditSpool(folder: folder.path, topic: "audit", properties: nowhere, logger: lines.logger)
        }

        /// A folder with events that were never sent, in one segment.
        private func folder(_ count: Int, limits: SpoolLimits = SpoolLimits()) throws -> Folder {
            let folder = Folder()
            let spool = try AuditSpool(
                folder: folder.path, topic: "audit", properties: nowhere, limits: limits, logger: LogLines().logger)
            try spool.append(0..<count)
            spool.close(drainMilliseconds: 0)
            return folder
        }

        /// Where each record of a segment begins, and the end.
        private func places(_ bytes: [UInt8]) -> [Int] {
            var places = [16]
            while let last = places.last, last + 4 <= bytes.count {
                places.append(last + 8 + number(bytes[last..<last + 4]))
            }
            return places
        }

        @Test func `a segment's bytes are as the documentation says`() throws {
            #expect(checksum("123456789".utf8) == 0xE306_9283, "the check value of CRC-32C")
            let folder = Folder()
            let before = Int(Date().timeIntervalSince1970 * 1000)
            let spool = try opened(folder)
            for size in [0, 1, 7, 8, 9, 300] {
                try spool.append(key: Array("ana".utf8), uid: [9, 8], payload: [UInt8](repeating: 7, count: size))
            }
            spool.close(drainMilliseconds: 0)
            let file = try #require(folder.segments.first)
            #expect(file.hasSuffix("/00000000000000000000.segment"))
            let bytes = try folder.bytes(file)
            #expect(Array(bytes[0..<8]) == Array("GWSPOOL".utf8) + [1])
            #expect(number(bytes[8..<16]) == 0)
            var offset = 16
            for (sequence, size) in [0, 1, 7, 8, 9, 300].enumerated() {
                let length = number(bytes[offset..<offset + 4])
                let end = offset + 8 + length
                #expect(length == 8 + 2 + 1 + 3 + 2 + size + 8)
                #expect(
                    number(bytes[offset + 4..<offset + 8])
                        == Int(checksum(bytes[offset..<offset + 4] + bytes[offset + 8..<end])))
                #expect(number(bytes[offset + 8..<offset + 16]) >= before)
                #expect(Array(bytes[offset + 16..<offset + 24]) == [3, 0, 2] + Array("ana".utf8) + [9, 8])
                #expect(Array(bytes[offset + 24..<end - 8]) == [UInt8](repeating: 7, count: size))
                #expect(number(bytes[end - 8..<end]) == sequence)
                offset = end
            }
            #expect(offset == bytes.count)
        }

        @Test func `an event cut off at any byte is dropped, and only that one`() throws {
            let folder = try folder(5)
            let bytes = try folder.bytes(try #require(folder.segments.first))
            let places = places(bytes)
            #expect(places.count == 6 && places[5] == bytes.count)
            for length in places[4]..<bytes.count {
                let torn = try folder.copy()
                try torn.write(Array(bytes[0..<length]), to: try #require(torn.segments.first))
                let lines = LogLines()
                let spool = try opened(torn, lines: lines)
                #expect(spool.status.waitingEvents == 4, "cut at \(length)")
                #expect(lines.count(containing: "in the middle of an event") == (length == places[4] ? 0 : 1))
                try spool.append(4)
                #expect(spool.status.waitingEvents == 5)
                #expect(torn.segments.count == 2, "an old segment is not written again")
            }
        }

        @Test func `a segment cut off in its header or before its first event is no obstacle`() throws {
            let folder = try folder(1)
            let bytes = try folder.bytes(try #require(folder.segments.first))
            for length in [0, 1, 8, 15, 16, 17] {
                let torn = try folder.copy()
                try torn.write(Array(bytes[0..<length]), to: try #require(torn.segments.first))
                let spool = try opened(torn)
                #expect(spool.status.waitingEvents == 0)
                try spool.append(0)
                #expect(spool.status.waitingEvents == 1)
            }
        }

        @Test func `after a torn event everything else arrives`() throws {
            let broker = try EmbeddedBroker(topics: [("audit", 4)])
            let folder = try folder(5)
            let file = try #require(folder.segments.first)
            try folder.write(Array(try folder.bytes(file).dropLast(3)), to: file)
            let spool = try broker.spool(folder)
            try spool.append(5..<10)
            try spool.settle()
            expectOnce(try broker.events(), [0, 1, 2, 3, 5, 6, 7, 8, 9])
            #expect(spool.status.damaged == 0)
            spool.close()
        }

        /// One byte of an event in the middle is flipped, in each of its fields.
        @Test(arguments: [0, 1, 3, 5, 10, 16, 18, 20, 26, -1])
        func `a damaged byte costs one event, which is counted and told`(byte: Int) throws {
            let broker = try EmbeddedBroker(topics: [("audit", 4)])
            let folder = try folder(20)
            let file = try #require(folder.segments.first)
            var bytes = try folder.bytes(file)
            let places = places(bytes)
            bytes[byte < 0 ? places[8] + byte : places[7] + byte] ^= 0x55
            try folder.write(bytes, to: file)
            let lines = LogLines()
            let spool = try broker.spool(folder, lines: lines)
            try spool.append(20..<25)
            try spool.settle()
            expectOnce(try broker.events(), (0..<25).filter { $0 != 7 })
            #expect(spool.status.damaged == 1)
            #expect(spool.status.waitingEvents == 0)
            #expect(lines.count(containing: "damaged and lost") == 1)
            spool.close(drainMilliseconds: Int(patience * 1000))
            #expect(folder.segments == [])
        }

        @Test func `damage at a segment's end, in its header, and a segment that is gone cost what stood there`() throws
        {
            let broker = try EmbeddedBroker(topics: [("audit", 4)])
            let limits = SpoolLimits(segmentBytes: 1200, totalBytes: 100_000, maximumEventBytes: 1000)
            let folder = try folder(200, limits: limits)
            let segments = folder.segments
            try #require(segments.count > 4)
            func range(_ index: Int) -> Range<Int> {
                let first = { Int(segments[$0].suffix(28).prefix(20)) ?? -1 }
                return first(index)..<first(index + 1)
            }
            var end = try folder.bytes(segments[1])
            end[end.count - 10] ^= 1
            try folder.write(end, to: segments[1])
            var header = try folder.bytes(segments[2])
            header[0] ^= 1
            try folder.write(header, to: segments[2])
            try FileManager.default.removeItem(atPath: segments[3])

            let lines = LogLines()
            let spool = try broker.spool(folder, limits: limits, lines: lines)
            try spool.settle()
            let lost = Set(range(3)).union([range(1).upperBound - 1])
            expectOnce(try broker.events(), (0..<200).filter { !lost.contains($0) })
            #expect(spool.status.damaged == UInt64(lost.count))
            #expect(lines.count(containing: "damaged header") == 1)
            spool.close()
        }

        @Test func `a folder of a later version is not touched`() throws {
            let folder = try folder(3)
            let file = try #require(folder.segments.first)
            var bytes = try folder.bytes(file)
            bytes[7] = 2
            try folder.write(bytes, to: file)
            let error = #expect(throws: SpoolError.self) { _ = try opened(folder) }
            #expect(error?.description.contains("format 2") == true)
            #expect(try folder.bytes(file) == bytes)

            let other = try self.folder(3)
            try other.write(
                Array(#"{"acknowledged":0,"offsets":{},"topic":"audit","version":2}"#.utf8),
                to: other.path + "/position.json")
            #expect(throws: SpoolError.self) { _ = try opened(other) }
        }

        @Test func `one process has the folder, and another is told so`() throws {
            let folder = Folder()
            let spool = try opened(folder)
            let error = #expect(throws: SpoolError.self) { _ = try opened(folder) }
            #expect(error == .inUse(folder: folder.path))
            #expect(error?.description.contains("used by another process") == true)
            #expect(try flockStatus(folder) == 1, "another process does not get it either")
            spool.close(drainMilliseconds: 0)
            #expect(try flockStatus(folder) == 0)
            let next = try opened(folder)
            next.close(drainMilliseconds: 0)
        }

        private func flockStatus(_ folder: Folder) throws -> Int32 {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = ["flock", "--nonblock", folder.path + "/lock", "true"]
            try process.start()
            process.waitUntilExit()
            return process.terminationStatus
        }

        @Test func `a folder that cannot be made is told with its path`() throws {
            let file = Folder()
            try file.write([], to: file.path)
            let error = #expect(throws: SpoolError.self) {
                _ = try AuditSpool(
                    folder: file.path + "/spool", topic: "audit", properties: nowhere, logger: LogLines().logger)
            }
            #expect(error?.description.contains(file.path) == true)
        }
    }
}
