// SPDX-License-Identifier: Apache-2.0

import Detection
import Foundation
import Kafka
import Pipeline
import Telemetry
import Testing

@Suite("Detector process", .serialized)
struct DetectServiceTests {
    /// Runs a service while `body` does, then stops it and waits until it has drained.
    func running(_ service: DetectService, _ body: () async throws -> Void) async throws {
        let task = Task { try await service.run() }
        do {
            try await body()
        } catch {
            task.cancel()
            _ = await task.result
            throw error
        }
        task.cancel()
        try await task.value
    }

    @Test("turns events into alerts keyed by identity, once each")
    func alerts() async throws {
        let stage = try Stage()
        let reader = try TopicReader(stage, "gatewatch.alerts")
        let service = try stage.service(threeRule, workers: 2)
        for second in 0..<5 {
            for identity in ["ana", "ben", "cleo"] { try stage.send(identity, Int64(second)) }
        }
        try stage.send("dora", 6)
        try await running(service) {
            try await wait("all events are committed") { service.committedRecords == 16 }
            try await wait("three alerts arrive") {
                try reader.poll()
                return reader.records.count >= 3
            }
        }
        #expect(service.alertCount == 3)
        #expect(Set(reader.records.map(\.key)) == ["ana", "ben", "cleo"])
        #expect(reader.records.allSatisfy { $0.finding?.rule == "three" })
        #expect(service.health().checks.contains { $0.name == "state" && $0.healthy })
    }

    @Test("goes on with its windows after a restart, and gives the alert the id that it would have had")
    func restart() async throws {
        let stage = try Stage(partitions: 1)
        let reader = try TopicReader(stage, "gatewatch.alerts")
        let first = try stage.service(threeRule)
        try stage.send("ana", 0, uid: "e1")
        try stage.send("ana", 1, uid: "e2")
        try await running(first) { try await wait("two events") { first.committedRecords == 2 } }
        #expect(first.alertCount == 0)

        let second = try stage.service(threeRule)
        try stage.send("ana", 2, uid: "e3")
        try await running(second) {
            try await wait("the alert") {
                try reader.poll()
                return !reader.records.isEmpty
            }
        }
        #expect(second.committedRecords == 1)
        let undisturbed = try Stage(partitions: 1)
        let other = try TopicReader(undisturbed, "gatewatch.alerts")
        for (second, uid) in ["e1", "e2", "e3"].enumerated() { try undisturbed.send("ana", Int64(second), uid: uid) }
        let service = try undisturbed.service(threeRule)
        try await running(service) {
            try await wait("the undisturbed alert") {
                try other.poll()
                return !other.records.isEmpty
            }
        }
        #expect(reader.records.map(\.value) == other.records.map(\.value))
    }

    @Test("hands partitions to a second process with their state, in the middle of a window")
    func handOver() async throws {
        let stage = try Stage(partitions: 2)
        let reader = try TopicReader(stage, "gatewatch.alerts")
        let first = try stage.service(threeRule)
        let second = try stage.service(threeRule)
        let identities = (0..<20).map { "person-\($0)" }
        for identity in identities {
            try stage.send(identity, 0)
            try stage.send(identity, 1)
        }
        try await running(first) {
            try await wait("the first has read them") { first.committedRecords == 40 }
            try await running(second) {
                // One event of somebody else at a time, until the second has partitions of its own.
                var filler: Int64 = 0
                try await wait("the second has partitions") {
                    try stage.send("filler-\(filler)", 1, "other")
                    filler += 1
                    return second.committedRecords > 0
                }
                for identity in identities { try stage.send(identity, 2) }
                try await wait("an alert for each") {
                    try reader.poll()
                    return Set(reader.records.map(\.key)).count >= identities.count
                }
            }
        }
        #expect(Set(reader.records.compactMap { $0.finding?.uid }).count == identities.count)
        #expect(second.alertCount > 0)
    }

    @Test("sends what it cannot use to the rejected topic, byte for byte, with the reason")
    func rejected() async throws {
        let stage = try Stage(partitions: 1)
        let reader = try TopicReader(stage, "gatewatch.audit.rejected")
        let time: Int64 = 1_700_000_000_000
        let bad: [(payload: String, reason: String)] = [
            ("", "empty"), ("{\"time\":1", "not_json"), ("[1]", "not_an_object"), ("\u{0}\u{0}\u{0}", "not_an_object"),
            (#"{"time":1700000000,"op":"x","op":"y"}"#, "duplicate_key"), (#"{"time":"soon","op":"x"}"#, "bad_time"),
            (#"{"time":1800000000,"op":"x"}"#, "time_ahead"),
            (String(repeating: "[", count: 200) + String(repeating: "]", count: 200), "not_an_object"),
            (#"{"op":"# + String(repeating: "[", count: 100) + String(repeating: "]", count: 100) + "}", "too_deep"),
        ]
        try stage.send("ana", 100)
        for entry in bad { try stage.send(key: "ana", entry.payload, time) }
        // A minute and a second before the first one.
        try stage.send("ana", 39, uid: "late")
        try stage.send("ana", 101)
        let service = try stage.service(threeRule)
        try await running(service) {
            try await wait("all are rejected") {
                try reader.poll()
                return reader.records.count >= bad.count + 1
            }
            try await wait("all are committed") { service.committedRecords == bad.count + 3 }
        }
        #expect(reader.records.prefix(bad.count).map(\.value) == bad.map(\.payload))
        #expect(reader.records.compactMap { $0.headers["gatewatch.reason"] } == bad.map(\.reason) + ["late"])
        #expect(reader.records.allSatisfy { $0.key == "ana" })
        #expect(reader.records.first?.headers["gatewatch.source"] == "gatewatch.audit/0/1")
    }

    /// Of events without an id the alert names partition and offset; those of the events that are counted together must each be
    /// their own.
    @Test("gives each of many events at once its own place, with damaged and late ones among them, from two partitions")
    func manyAtOnce() async throws {
        let stage = try Stage(partitions: 2)
        let alerts = try TopicReader(stage, "gatewatch.alerts")
        let rejected = try TopicReader(stage, "gatewatch.audit.rejected")
        let time: Int64 = 1_700_000_000_000
        var expected: [String] = []
        func send(_ number: Int) throws {
            let key = "person-\(number)"
            let event = #"{"time":\#(time / 1000 + 100),"op":"x","identity":"\#(key)"}"#
            for _ in 0..<3 { try stage.send(key: key, event, time) }
            switch number % 7 {
            case 3: try stage.send(key: key, "{", time)
            case 5: try stage.send(key: key, #"{"time":\#(time / 1000),"op":"x","identity":"late"}"#, time)
            default: return
            }
            expected.append("\(key) \(number % 7 == 3 ? "not_json" : "late")")
        }
        for number in 0..<60 { try send(number) }
        let service = try stage.service(threeRule)
        try await running(service) {
            try await wait("all are read") { service.committedRecords == 180 + expected.count }
            try await wait("alerts and rejected ones arrive") {
                try alerts.poll()
                try rejected.poll()
                return alerts.records.count >= 60 && rejected.records.count >= expected.count
            }
        }
        #expect(Set(alerts.records.map(\.key)) == Set((0..<60).map { "person-\($0)" }))
        #expect(Set(alerts.records.compactMap { $0.finding?.uid }).count == 60)
        // The three of a person stand one after the other in one partition.
        let places = try alerts.records.map { record in
            try #require(record.finding).events.compactMap { $0.split(separator: ":").last.flatMap { Int($0) } }
        }
        #expect(places.allSatisfy { $0.count == 3 && $0[1] == $0[0] + 1 && $0[2] == $0[0] + 2 })
        #expect(
            rejected.records.map { "\($0.key) \($0.headers["gatewatch.reason"] ?? "")" }.sorted() == expected.sorted())
        #expect(Set(rejected.records.compactMap { $0.headers["gatewatch.source"] }).count == expected.count)
    }

    @Test("takes new detectors into force and keeps the windows of those that stay")
    func reload() async throws {
        let stage = try Stage(partitions: 1)
        let reader = try TopicReader(stage, "gatewatch.alerts")
        let service = try stage.service(threeRule)
        try await running(service) {
            try stage.send("ana", 0)
            try stage.send("ana", 1)
            try await wait("two events") { service.committedRecords == 2 }
            service.reload(
                try stage.detectors(
                    threeRule + """

                        ---
                        title: Other
                        name: other
                        logsource: { category: test }
                        detection:
                          selection: { op: y }
                          condition: selection
                        """))
            // The reload takes place between two polls; an event of the new rule shows that it is in force.
            var second: Int64 = 2
            try await wait("the new rule fires") {
                try stage.send("ben", second, "y")
                second += 1
                try reader.poll()
                return reader.records.contains { $0.finding?.rule == "other" }
            }
            try stage.send("ana", 50)
            try await wait("the old window fires") {
                try reader.poll()
                return reader.records.contains { $0.finding?.rule == "three" && $0.key == "ana" }
            }
        }
    }

    @Test("goes on when the broker was away")
    func brokerAway() async throws {
        let stage = try Stage(partitions: 1)
        let reader = try TopicReader(stage, "gatewatch.alerts")
        let service = try stage.service(threeRule)
        try await running(service) {
            try stage.send("ana", 0)
            try await wait("one event") { service.committedRecords == 1 }
            try stage.broker.setDown()
            try stage.send("ana", 1)
            try stage.send("ana", 2)
            try await Task.sleep(for: .seconds(3))
            try stage.broker.setUp()
            try await wait("the alert") {
                try reader.poll()
                return !reader.records.isEmpty
            }
        }
        #expect(service.committedRecords == 3)
    }
}
