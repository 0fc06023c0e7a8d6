// SPDX-License-Identifier: Apache-2.0

import AuditSpool
import Children
import Foundation
import Kafka
import Synchronization
import Testing

extension SpoolTests {
    @Suite struct Room {
        /// Two segments of 8 KiB; an event of this suite has about 1 KiB.
        private let small = SpoolLimits(segmentBytes: 8192, totalBytes: 16384, maximumEventBytes: 1024)

        private func fill(_ spool: AuditSpool) throws -> Int {
            for number in 0..<100 {
                do throws(SpoolError) {
                    try spool.append(number, padding: 900)
                } catch {
                    guard case .full = error else { throw error }
                    #expect(error.isRetriable)
                    return number
                }
            }
            Issue.record("the spool took everything")
            return 100
        }

        @Test func `a full spool refuses, keeps what it has, and takes events again when Kafka does`() throws {
            let broker = try EmbeddedBroker(topics: [("audit", 4)])
            try broker.setDown()
            let folder = Folder()
            let spool = try broker.spool(folder, limits: small)
            let count = try fill(spool)
            #expect(count > 10)
            #expect(spool.status.usedBytes <= small.totalBytes)
            #expect(folder.segments.count > 1)
            #expect(!spool.hasRoom)
            #expect(!spool.reserve())
            #expect(spool.status.refused == 2)
            try broker.setUp()
            try spool.settle()
            try until("there is room") { spool.hasRoom }
            try spool.append(count)
            try spool.settle()
            expectOnce(try broker.events(), 0...count)
            #expect(spool.status.problem == nil)
            spool.close()
        }

        @Test func `a full spool says so`() throws {
            let spool = try AuditSpool(
                folder: Folder().path, topic: "audit", properties: nowhere, limits: small, logger: LogLines().logger)
            _ = try fill(spool)
            #expect(spool.status.problem?.contains("is full (16384 bytes)") == true)
        }

        @Test func `every reservation finds room for an event of the largest size`() throws {
            let spool = try AuditSpool(
                folder: Folder().path, topic: "audit", properties: nowhere, limits: small, logger: LogLines().logger)
            var reservations = 0
            while spool.reserve() { reservations += 1 }
            #expect(reservations > 10)
            let unreserved = #expect(throws: SpoolError.self) { try spool.append(0, padding: 900) }
            guard case .full = unreserved else {
                Issue.record("\(String(describing: unreserved))")
                return
            }
            for _ in 0..<reservations {
                try spool.append(
                    key: [1], uid: [2], payload: [UInt8](repeating: 32, count: small.maximumEventBytes - 2),
                    isReserved: true)
                spool.release()
            }
            #expect(spool.status.waitingEvents == reservations)
            #expect(!spool.reserve())
        }

        @Test func `a reservation given back is room for the next`() throws {
            let spool = try AuditSpool(
                folder: Folder().path, topic: "audit", properties: nowhere, limits: small, logger: LogLines().logger)
            for _ in 0..<1000 {
                #expect(spool.reserve())
                spool.release()
            }
            var reservations = 0
            while spool.reserve() { reservations += 1 }
            spool.release()
            #expect(spool.reserve())
            #expect(!spool.reserve())
        }

        @Test func `an event over the limit, or with an impossible key, is refused and no other`() throws {
            let spool = try AuditSpool(
                folder: Folder().path, topic: "audit", properties: nowhere, limits: small, logger: LogLines().logger)
            try spool.append(key: [1], uid: [2], payload: [UInt8](repeating: 32, count: 1022))
            #expect(throws: SpoolError.tooLarge(bytes: 1025, maximum: 1024)) {
                try spool.append(key: [1], uid: [2], payload: [UInt8](repeating: 32, count: 1023))
            }
            #expect(throws: SpoolError.self) {
                try spool.append(key: [1], uid: [UInt8](repeating: 1, count: 256), payload: [])
            }
            try spool.append(key: [1], uid: [UInt8](repeating: 1, count: 255), payload: [])
            #expect(spool.status.appended == 2)
            #expect(spool.status.refused == 2)
        }

        @Test func `a closed spool takes nothing`() throws {
            let spool = try AuditSpool(
                folder: Folder().path, topic: "audit", properties: nowhere, logger: LogLines().logger)
            spool.close(drainMilliseconds: 0)
            spool.close(drainMilliseconds: 0)
            #expect(throws: SpoolError.closed) { try spool.append(1) }
            #expect(!spool.reserve())
            #expect(!spool.hasRoom)
        }

        @Test(arguments: [
            SpoolLimits(segmentBytes: 1000), SpoolLimits(totalBytes: 16 << 20), SpoolLimits(maximumEventBytes: 0),
            SpoolLimits(inFlightEvents: 0), SpoolLimits(positionMilliseconds: 0),
        ])
        func `limits that do not fit together are refused`(limits: SpoolLimits) {
            let error = #expect(throws: SpoolError.self) {
                _ = try AuditSpool(
                    folder: Folder().path, topic: "audit", properties: nowhere, limits: limits,
                    logger: LogLines().logger)
            }
            #expect(error?.description.contains("limits do not fit together") == true)
        }

        /// A file system of 1 MiB, when this test may mount one.
        private func mounted(_ body: (String) throws -> Void) throws {
            let path = Folder().path
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: path) }
            guard try run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path) == 0 else {
                try Test.cancel("a small file system cannot be mounted here: not root, or not allowed")
            }
            defer { _ = try? run("umount", "-l", path) }
            try body(path)
        }

        private func run(_ arguments: String...) throws -> Int32 {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = arguments
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.start()
            process.waitUntilExit()
            return process.terminationStatus
        }

        @Test func `a disk that is full refuses, and is used again when there is room`() throws {
            try mounted { path in
                let broker = try EmbeddedBroker(topics: [("audit", 4)])
                try broker.setDown()
                let limits = SpoolLimits(segmentBytes: 100_000, totalBytes: 10 << 20, maximumEventBytes: 10_000)
                let spool = try AuditSpool(
                    folder: path + "/spool", topic: "audit",
                    properties: broker.clientProperties.merging(KafkaProperties(["reconnect.backoff.max.ms": "200"])),
                    limits: limits, logger: LogLines().logger)
                var count = 0
                var refusal: SpoolError?
                while refusal == nil, count < 1000 {
                    do throws(SpoolError) {
                        try spool.append(count, padding: 9000)
                        count += 1
                    } catch {
                        refusal = error
                    }
                }
                guard case .storage(_, let reason) = refusal else {
                    Issue.record("\(String(describing: refusal))")
                    return
                }
                #expect(refusal?.isRetriable == true)
                #expect(reason.contains("No space left"))
                #expect(count > 50)
                #expect(!spool.reserve())
                #expect(spool.status.problem?.contains("No space left") == true)
                // Kafka takes what is there, segments are deleted, and that is the room.
                try broker.setUp()
                try spool.settle()
                try until("the disk takes events again") { spool.hasRoom }
                try spool.append(count, padding: 9000)
                try spool.settle()
                expectOnce(try broker.events(), 0...count)
                spool.close()
            }
        }

        @Test func `a disk that fills up under a segment still takes what the segment was promised`() throws {
            try mounted { path in
                let limits = SpoolLimits(segmentBytes: 200_000, totalBytes: 10 << 20, maximumEventBytes: 10_000)
                let spool = try AuditSpool(
                    folder: path + "/spool", topic: "audit", properties: nowhere, limits: limits,
                    logger: LogLines().logger)
                try spool.append(0, padding: 9000)
                _ = try run("dd", "if=/dev/zero", "of=\(path)/filler", "bs=4096")
                for number in 1..<20 { try spool.append(number, padding: 9000) }
                #expect(throws: SpoolError.self) {
                    for number in 20..<40 { try spool.append(number, padding: 9000) }
                }
                #expect(!spool.hasRoom)
                try FileManager.default.removeItem(atPath: path + "/filler")
                try until("the disk is tried again") { spool.hasRoom }
                let taken = spool.status.waitingEvents
                try spool.append(taken, padding: 9000)
                spool.close(drainMilliseconds: 0)

                let again = try AuditSpool(
                    folder: path + "/spool", topic: "audit", properties: nowhere, limits: limits,
                    logger: LogLines().logger)
                #expect(again.status.waitingEvents == taken + 1)
                again.close(drainMilliseconds: 0)
            }
        }
    }
}
