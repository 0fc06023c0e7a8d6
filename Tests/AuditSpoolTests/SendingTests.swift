// SPDX-License-Identifier: Apache-2.0

import AuditSpool
import Foundation
import Kafka
import Synchronization
import Testing

extension SpoolTests {
    @Suite struct Sending {
        @Test func `an event arrives with its key, its uid and its bytes`() throws {
            let broker = try EmbeddedBroker(topics: [("audit", 4)])
            let folder = Folder()
            let spool = try broker.spool(folder)
            try spool.append(key: Array("alice".utf8), uid: Array("u-1".utf8), payload: Array(#"{"a":1}"#.utf8))
            try spool.append(key: [], uid: [], payload: [])
            try spool.settle()
            let events = try broker.events()
            #expect(events.count == 2)
            #expect(events.contains { $0.key == "alice" && $0.uid == "u-1" && $0.payload == #"{"a":1}"# })
            #expect(events.contains { $0.key == "" && $0.uid == "" && $0.payload == "" })
            let status = spool.status
            #expect(status.phase == .sending)
            #expect(status.appended == 2)
            #expect(status.acknowledged == 2)
            #expect(status.waitingEvents == 0)
            #expect(status.waitingBytes == 0)
            #expect(status.oldestMilliseconds == nil)
            #expect(status.problem == nil)
            spool.close()
            #expect(spool.status.phase == .stopped)
            #expect(folder.segments == [], "everything is in Kafka")
        }

        @Test func `a second start sends nothing again and goes on`() throws {
            let broker = try EmbeddedBroker(topics: [("audit", 4)])
            let folder = Folder()
            for start in 0..<3 {
                let spool = try broker.spool(folder)
                try spool.append(start * 10..<start * 10 + 10)
                spool.close(drainMilliseconds: Int(patience * 1000))
                #expect(spool.status.alreadyInKafka == 0)
            }
            expectOnce(try broker.events(), 0..<30)
        }

        @Test func `fifty thousand events of eight threads are there once and in order`() throws {
            let broker = try EmbeddedBroker(topics: [("audit", 4)])
            let spool = try broker.spool(
                Folder(), limits: SpoolLimits(segmentBytes: 1 << 20, totalBytes: 64 << 20), ["batch.size": "100000"])
            let failures = Mutex<[SpoolError]>([])
            DispatchQueue.concurrentPerform(iterations: 8) { thread in
                for number in 0..<6250 {
                    do throws(SpoolError) {
                        try spool.append(
                            key: Array("k\(thread)-\(number % 7)".utf8), uid: Array("\(thread * 10_000 + number)".utf8),
                            payload: [UInt8(ascii: "x")])
                    } catch {
                        failures.withLock { $0.append(error) }
                    }
                }
            }
            #expect(failures.withLock { $0 } == [])
            try spool.settle()
            let numbers = (0..<8).flatMap { thread in (0..<6250).map { thread * 10_000 + $0 } }
            expectOnce(try broker.events(), numbers)
            try until("whole segments are deleted") { spool.status.usedBytes <= 1 << 20 }
            spool.close()
        }

        @Test func `a broker that is away at the start is waited for`() throws {
            let broker = try EmbeddedBroker(topics: [("audit", 4)])
            try broker.setDown()
            let lines = LogLines()
            let spool = try broker.spool(Folder(), lines: lines)
            try spool.append(0..<100)
            try until("the problem is told") { spool.status.problem != nil }
            #expect(spool.status.phase == .checking)
            #expect(spool.status.waitingEvents == 100)
            #expect((spool.status.oldestMilliseconds ?? -1) >= 0)
            try spool.append(100..<200)
            #expect(!spool.flush(timeoutMilliseconds: 50))
            try broker.setUp()
            try spool.settle()
            expectOnce(try broker.events(), 0..<200)
            #expect(spool.status.problem == nil)
            spool.close()
        }

        @Test func `outages under load lose and double nothing`() throws {
            let broker = try EmbeddedBroker(topics: [("audit", 4)])
            let spool = try broker.spool(Folder(), limits: SpoolLimits(inFlightEvents: 500))
            let isOver = Mutex(false)
            let appended = Mutex(0)
            let writer = Thread {
                while !isOver.withLock({ $0 }) {
                    let number = appended.withLock { $0 }
                    guard (try? spool.append(number)) != nil else { continue }
                    appended.withLock { $0 += 1 }
                    if number % 20 == 0 { Thread.sleep(forTimeInterval: 0.001) }
                }
            }
            writer.start()
            for _ in 0..<3 {
                let start = spool.status.acknowledged
                try until("events pass") { spool.status.acknowledged > start + 500 }
                try broker.setDown()
                let level = appended.withLock { $0 }
                try until("more wait than may be in flight") { appended.withLock { $0 } > level + 1000 }
                try broker.setUp()
            }
            isOver.withLock { $0 = true }
            try until("the writer ends") { writer.isFinished }
            try spool.settle()
            expectOnce(try broker.events(), 0..<appended.withLock { $0 })
            spool.close()
        }

        @Test func `a client that gives events up is replaced, and they are sent once`() throws {
            let broker = try EmbeddedBroker(topics: [("audit", 4)])
            let lines = LogLines()
            let spool = try broker.spool(
                Folder(),
                ["topic.metadata.propagation.max.ms": "200", "topic.metadata.refresh.interval.ms": "200"], lines: lines)
            try spool.append(0..<50)
            try spool.settle()
            try broker.setTopic("audit", missing: true)
            var number = 50
            try until("the topic is missed") {
                try spool.append(number)
                number += 1
                return lines.count(containing: "Audit events stay in the spool") > 0
            }
            #expect(spool.status.problem != nil)
            try broker.setTopic("audit", missing: false)
            try spool.settle()
            expectOnce(try broker.events(), 0..<number)
            spool.close()
        }

        @Test func `a wrong Kafka property is named at once`() {
            let error = #expect(throws: KafkaError.self) {
                _ = try AuditSpool(
                    folder: Folder().path, topic: "audit", properties: KafkaProperties(["acks": "1"]),
                    logger: LogLines().logger)
            }
            #expect(error?.sentence.contains("acks") == true)
        }
    }
}
