// SPDX-License-Identifier: Apache-2.0

import AuditSpool
import Foundation
import Kafka
import Testing

extension SpoolTests {
    /// A killed process is one whose folder is found as it stands: the tests copy the folder while the spool is open,
    /// and go on with the copy.
    @Suite struct Restarts {
        /// A position that is not written before the spool closes: the worst that a kill can find.
        private let neverWritten = SpoolLimits(positionMilliseconds: 3_600_000)

        @Test func `what Kafka has but the position does not say is not sent again`() throws {
            let broker = try EmbeddedBroker(topics: [("audit", 4)])
            let folder = Folder()
            let first = try broker.spool(folder, limits: neverWritten)
            try first.append(0..<1000)
            try first.settle()
            let left = try folder.copy()
            first.close()

            let second = try broker.spool(left)
            #expect(second.status.waitingEvents == 1000)
            try second.append(1000..<1010)
            try second.settle()
            #expect(second.status.alreadyInKafka == 1000)
            expectOnce(try broker.events(), 0..<1010)
            second.close()
        }

        @Test func `what Kafka has in part is sent in the other part, also when Kafka is away at the start`() throws {
            let broker = try EmbeddedBroker(topics: [("audit", 4)])
            let folder = Folder()
            let first = try broker.spool(folder, limits: neverWritten)
            try first.append(0..<300)
            try first.settle()
            try broker.setDown()
            try first.append(300..<400)
            let left = try folder.copy()
            first.close(drainMilliseconds: 0)

            let second = try broker.spool(left, limits: neverWritten)
            try second.append(400..<450)
            try until("the problem is told") { second.status.problem != nil }
            #expect(second.status.waitingEvents == 450)
            // Killed again before it could look.
            let leftAgain = try left.copy()
            second.close(drainMilliseconds: 0)

            let third = try broker.spool(leftAgain)
            try third.append(450..<460)
            try broker.setUp()
            try third.settle()
            #expect(third.status.alreadyInKafka == 300)
            expectOnce(try broker.events(), 0..<460)
            third.close()
        }

        @Test func `a kill at any moment under load loses and doubles nothing`() throws {
            let broker = try EmbeddedBroker(topics: [("audit", 4)])
            var folder = Folder()
            var next = 0
            for round in 0..<6 {
                let spool = try broker.spool(
                    folder, limits: SpoolLimits(segmentBytes: 300_000, totalBytes: 10 << 20, positionMilliseconds: 20))
                for _ in 0..<(round + 1) * 150 {
                    try spool.append(next)
                    next += 1
                }
                // Nothing is appended while the folder is copied, but the sender and the position go on: the position
                // first, because a copy must not hold a position that is ahead of the segments.
                if round > 2 { try until("some are acknowledged") { spool.status.acknowledged > UInt64(round * 20) } }
                let left = try folder.copy()
                spool.close(drainMilliseconds: 0)
                folder = left
            }
            let last = try broker.spool(folder)
            try last.settle()
            expectOnce(try broker.events(), 0..<next)
            last.close()
        }

        @Test func `closing in the middle of an outage keeps what was not sent`() throws {
            let broker = try EmbeddedBroker(topics: [("audit", 4)])
            let folder = Folder()
            let first = try broker.spool(folder)
            try first.append(0..<100)
            try first.settle()
            try broker.setDown()
            try first.append(100..<200)
            first.close(drainMilliseconds: 100)
            #expect(first.status.waitingEvents == 100)

            let second = try broker.spool(folder)
            #expect(second.status.waitingEvents == 100)
            #expect(second.status.waitingBytes > 100)
            try second.append(200..<300)
            second.close(drainMilliseconds: 0)

            let third = try broker.spool(folder)
            try broker.setUp()
            try third.settle()
            expectOnce(try broker.events(), 0..<300)
            third.close()
        }

        @Test func `a spool that is let go of without closing gives its folder back`() throws {
            let folder = Folder()
            do {
                let spool = try AuditSpool(
                    folder: folder.path, topic: "audit", properties: nowhere, logger: LogLines().logger)
                try spool.append(0..<3)
            }
            var reopened: AuditSpool?
            try until("the folder is free") {
                reopened = try? AuditSpool(
                    folder: folder.path, topic: "audit", properties: nowhere, logger: LogLines().logger)
                return reopened != nil
            }
            #expect(reopened?.status.waitingEvents == 3)
        }

        @Test func `a damaged position sends nothing twice`() throws {
            let broker = try EmbeddedBroker(topics: [("audit", 4)])
            let folder = Folder()
            let first = try broker.spool(folder, limits: neverWritten)
            try first.append(0..<100)
            try first.settle()
            let left = try folder.copy()
            first.close()
            try left.write(Array("{\"version\":1,\"ackn".utf8), to: left.path + "/position.json")

            let lines = LogLines()
            let second = try broker.spool(left, lines: lines)
            try second.append(100..<110)
            try second.settle()
            #expect(lines.count(containing: "position is damaged") == 1)
            #expect(second.status.damaged == 0)
            expectOnce(try broker.events(), 0..<110)
            second.close()
        }

        @Test func `segments that were deleted before the position was written are not missed`() throws {
            let broker = try EmbeddedBroker(topics: [("audit", 4)])
            let limits = SpoolLimits(
                segmentBytes: 1200, totalBytes: 100_000, maximumEventBytes: 1000, positionMilliseconds: 3_600_000)
            let folder = Folder()
            let first = try broker.spool(folder, limits: limits)
            try first.append(0..<100)
            try first.settle()
            let left = try folder.copy()
            first.close()
            for segment in left.segments.prefix(3) { try FileManager.default.removeItem(atPath: segment) }

            let second = try broker.spool(left, limits: limits)
            try second.append(100..<110)
            try second.settle()
            #expect(second.status.damaged == 0)
            expectOnce(try broker.events(), 0..<110)
            second.close()
        }

        @Test func `offsets of another topic do not count`() throws {
            let broker = try EmbeddedBroker(topics: [("audit", 4), ("other", 4)])
            let folder = Folder()
            let first = try AuditSpool(
                folder: folder.path, topic: "other", properties: broker.clientProperties, logger: LogLines().logger)
            try first.append(0..<10)
            try first.settle()
            try broker.setDown()
            try first.append(10..<20)
            first.close(drainMilliseconds: 0)
            let second = try broker.spool(folder)
            try broker.setUp()
            try second.settle()
            expectOnce(try broker.events(), 10..<20)
            expectOnce(try broker.events("other"), 0..<10)
            second.close()
        }
    }
}
