// SPDX-License-Identifier: Apache-2.0

import GRDB
import Routing
import Testing

@Suite struct AcknowledgeTests {
    private let root = "route: { receiver: default, group_wait: 30s, group_interval: 5m }"

    @Test func whoWasToldOfAnIncidentHearsAtOnceThatItIsTakenAndOnlyOnce() throws {
        let desk = try Desk(root)
        try desk.take(alert("a"), alert("b"), alert("x", incident: "i2"), at: 0)
        let first = try #require(try desk.run(to: minute).first)
        try desk.acknowledge("i1")
        try desk.acknowledge("i1")
        #expect(try desk.database.read { try desk.engine.due(in: $0) } == 0)
        let told = try desk.flush(at: minute + 1)
        #expect(told.map(\.status) == [.acknowledged] && told.map(\.reason) == [.acknowledged])
        #expect(told[0].ids == ["a", "b"] && told[0].incident == "i1" && told[0].time == minute + 1)
        // In the same group under an id of its own.
        #expect(told[0].groupKey == first.groupKey && told[0].receiver == first.receiver && told[0].id != first.id)
        // The group's own times are as they were, and so is what it tells.
        #expect(try desk.database.read { try desk.engine.due(in: $0) } == 5 * minute + 30 * second)
        try desk.take(alert("c"), at: 2 * minute)
        let more = try desk.run(to: 10 * minute)
        #expect(more.map(\.status) == [.firing] && more.map(\.reason) == [.newAlerts])
        try desk.resolve("i1", at: 11 * minute)
        #expect(try desk.run(to: hour).map(\.reason) == [.allResolved])
        #expect(Set(desk.told.map(\.id)).count == desk.told.count)
    }

    @Test func anAcknowledgementWaitsForWhatItAcknowledges() throws {
        let desk = try Desk(root)
        try desk.take(alert("a"), at: 0)
        try desk.acknowledge("i1")
        #expect(try desk.flush(at: 30 * second - 1).isEmpty)
        #expect(try desk.flush(at: 30 * second).map(\.status) == [.firing, .acknowledged])
        #expect(try desk.flush(at: minute).isEmpty && desk.count("routing_acknowledgements") == 0)
    }

    @Test func whatIsReleasedOrOverBeforeItWasToldIsNotAcknowledged() throws {
        let desk = try Desk(root)
        try desk.take(alert("a"), alert("b", incident: "i2"), at: 0)
        for incident in ["i1", "i2", "nobody's"] { try desk.acknowledge(incident) }
        try desk.takeBack("i1")
        try desk.resolve("i2", at: 1)
        #expect(try desk.run(to: hour).map(\.ids) == [["a"]])
        #expect(desk.told.map(\.status) == [.firing])
        #expect(try desk.count("routing_acknowledgements") == 0)
    }

    @Test func aSilencedAlertIsNotAcknowledgedBeforeItIsTold() throws {
        let desk = try Desk(root)
        try desk.silence(#"incident="i1""#, to: 10 * minute, now: 0)
        try desk.take(alert("a"), at: 0)
        try desk.acknowledge("i1")
        #expect(try desk.run(to: 9 * minute).isEmpty)
        #expect(try desk.run(to: 11 * minute).map(\.status) == [.firing, .acknowledged])
    }

    @Test func aGroupInWhichSomethingOfAnotherIncidentFiresIsNotAcknowledged() throws {
        let desk = try Desk("route: { receiver: default, group_by: [], group_wait: 0s }")
        try desk.take(alert("a"), alert("b", incident: "i2"), at: 0)
        try desk.run(to: 0)
        try desk.acknowledge("i1")
        #expect(try desk.flush(at: 1).isEmpty && desk.count("routing_acknowledgements") == 0)
        try desk.resolve("i2", at: 2)
        try desk.run(to: hour)
        try desk.acknowledge("i1")
        #expect(try desk.flush(at: hour + 1).map(\.status) == [.acknowledged])
    }

    @Test func whatHasNoGroupLeftIsNotAcknowledged() throws {
        let desk = try Desk(.eachAlert(to: "default"))
        try desk.take(alert("a"), at: 0)
        #expect(try desk.run(to: hour).map(\.status) == [.firing])
        try desk.acknowledge("i1")
        #expect(try desk.run(to: 2 * hour).isEmpty && desk.count("routing_acknowledgements") == 0)
    }
}
