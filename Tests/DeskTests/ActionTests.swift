// SPDX-License-Identifier: Apache-2.0

import Delivery
import Desk
import Foundation
import GRDB
import Hub
import Incidents
import Notifications
import Paging
import Routing
import Testing

@Suite struct ActionTests {
    private let ana = person("ana", .analyst)
    private let root = person("root", .admin)

    @Test func actingOnAnIncidentIsOneTransactionWithItsEvidence() async throws {
        let office = try Office()
        try office.alert("a1")
        let desk = office.desk
        let seen = try await desk.incident("incident-1", for: ana)
        #expect(seen.incident.version == 1 && seen.timeline.items.count == 1)
        let after = try await desk.act(.assign("ben"), on: "incident-1", version: 1, by: ana)
        #expect(after.assignee == "ben" && after.version == 2)
        // Somebody who looked at the first version, what is not there, and what makes no sense.
        #expect(
            await error { _ = try await desk.act(.comment("x"), on: "incident-1", version: 1, by: ana) }?.code
                == "conflict")
        #expect(await error { _ = try await desk.act(.comment("x"), on: "none", by: ana) }?.code == "unknown")
        #expect(await error { _ = try await desk.act(.comment(" "), on: "incident-1", by: ana) }?.code == "invalid")
        #expect(
            await error { _ = try await desk.act(.reopen(reason: nil), on: "incident-1", by: ana) }?.code == "refused")
        #expect(try office.evidence() == ["ana@example.com incident.assign incident-1"])
        let row = try #require(try await desk.evidence(for: ana).items.first)
        #expect(row.payload.contains(#""via":"console""#))
        let state = try await desk.verifyEvidence(for: ana)
        #expect(state.verification.fault == nil && state.verification.count == 1 && !state.signs)
    }

    @Test func silencesAreMadeChangedAndEnded() async throws {
        let office = try Office()
        let desk = office.desk
        let until = office.now + hour
        let silence = try await desk.addSilence(
            matchers: #"{identity="ana",severity=~"low|medium"}"#, endsAt: until, comment: "CHG-1", by: ana)
        #expect(silence.createdBy == "ana@example.com")
        let longer = try await desk.changeSilence(silence.id, endsAt: until + hour, by: ana)
        #expect(longer.id == silence.id && longer.endsAt == until + hour)
        let other = try await desk.changeSilence(silence.id, comment: "CHG-2", by: ana)
        #expect(other.id != silence.id)
        #expect(try await desk.silences(for: ana).items.map(\.id) == [other.id])
        #expect(try await desk.silences(isAll: true, limit: 1, for: ana).next != nil)
        _ = try await desk.expireSilence(other.id, by: ana)
        #expect(try await desk.silences(for: ana).items.isEmpty)
        #expect(await error { _ = try await desk.expireSilence(other.id, by: ana) }?.code == "refused")
        #expect(await error { _ = try await desk.expireSilence("none", by: ana) }?.code == "unknown")
        for (matchers, ends) in [("identity", until), ("", until), (#"a=~".*""#, until), ("a=b", office.now)] {
            let error = await error {
                _ = try await desk.addSilence(matchers: matchers, endsAt: ends, comment: "x", by: ana)
            }
            #expect(error?.code == "invalid", "\(matchers)")
        }
        #expect(
            try office.evidence().map { $0.split(separator: " ")[1] } == [
                "silence.add", "silence.change", "silence.change", "silence.expire",
            ])
    }

    @Test func deliveriesAreReplayedAndTargetsEnabled() async throws {
        let office = try Office()
        let desk = office.desk
        for number in 0..<5 {
            _ = try office.hub.outbox.enqueue([
                NewDelivery(messageID: "m\(number)", target: "soc", orderingKey: "k", body: [1])
            ])
        }
        #expect(try await desk.deliveries(state: .pending, limit: 2, for: root).items.map(\.messageID) == ["m4", "m3"])
        try office.hub.outbox.disableTarget("soc", reason: "410 Gone")
        let dead = try await desk.deliveries(target: "soc", state: .dead, limit: 4, for: root)
        #expect(dead.items.count == 4 && dead.next != nil)
        #expect(try await desk.targets(for: root).first?.dead == 5)
        #expect(try await desk.replay(ReplaySelection(ids: [dead.items[0].id]), by: root) == 1)
        #expect(try await desk.enableTarget("soc", by: root) == 4)
        #expect(try await desk.deliveries(state: .dead, for: root).items.isEmpty)
        #expect(await error { _ = try await desk.enableTarget("none", by: root) }?.code == "unknown")
        #expect(await error { _ = try await desk.testReceiver("none", by: root) }?.code == "unknown")
        let trials = try await desk.testReceiver("soc", by: root)
        // Nobody listens there.
        #expect(trials.count == 1 && trials.first?.attempt.isDelivered == false)
        #expect(
            try office.evidence() == [
                "root@example.com delivery.replay *", "root@example.com delivery.enable soc",
                "root@example.com delivery.test soc",
            ])
    }

    // MARK: Tokens

    @Test func aTokenIsItsPersonUntilItEnds() async throws {
        let office = try Office()
        let desk = office.desk
        let boss = person("root", .admin, .analyst)
        try await desk.loggedIn(boss)
        let (token, secret) = try await desk.createToken(name: "ci", roles: [.analyst], lifetime: hour, by: boss)
        #expect(secret.hasPrefix("gwt_") && secret.utf8.count == 47 && token.roles == [.viewer, .analyst])
        let stored = try await office.hub.database.read {
            try String.fetchAll($0, sql: "SELECT hash || name || id FROM api_tokens")
        }
        #expect(!stored.joined().contains(secret.dropFirst(4)))
        let actor = try #require(try await desk.authenticate(token: secret))
        #expect(actor.identity == "root@example.com" && actor.roles == [.viewer, .analyst])
        #expect(actor.via == .token(token.id) && actor.name == "root")
        #expect(try await desk.tokens(for: root).items.first?.lastUsedAt == office.now)
        for wrong in ["", "gwt_", secret + "x", String(secret.dropLast()), String(repeating: "x", count: 10_000)] {
            #expect(try await desk.authenticate(token: wrong) == nil)
        }
        // A person who is less has tokens that are less.
        try await desk.loggedIn(person("root", .admin))
        #expect(try await desk.authenticate(token: secret)?.roles == [.viewer])
        try await desk.loggedIn(Actor(identity: "ROOT@example.com", roles: [], via: .console))
        #expect(try await desk.authenticate(token: secret) == nil)
        try await desk.loggedIn(boss)
        office.now += hour - 1
        #expect(try await desk.authenticate(token: secret) != nil)
        office.now += 1
        #expect(try await desk.authenticate(token: secret) == nil)
        let (second, other) = try await desk.createToken(name: "ci", roles: [.viewer], by: boss)
        #expect(try await desk.revokeToken(second.id, by: root).state(at: office.now) == .revoked)
        #expect(try await desk.authenticate(token: other) == nil)
        #expect(await error { _ = try await desk.revokeToken(second.id, by: root) }?.code == "refused")
    }

    @Test func nobodyMakesATokenThatIsMoreThanThemselves() async throws {
        let office = try Office()
        let desk = office.desk
        for role in [Role.analyst, .approver] {
            #expect(
                await error { _ = try await desk.createToken(name: "x", roles: [role], by: root) }?.code == "invalid")
        }
        let cases: [(String, Set<Role>, Int64)] = [
            ("", [.admin], hour), ("a\nb", [.admin], hour), ("x", [], hour), ("x", [.admin], 59_999),
            ("x", [.admin], APIToken.maximumLifetime + 1),
        ]
        for (name, roles, lifetime) in cases {
            let error = await error {
                _ = try await desk.createToken(name: name, roles: roles, lifetime: lifetime, by: root)
            }
            #expect(error?.code == "invalid")
        }
        let (_, secret) = try await desk.createToken(name: "x", roles: [.admin], by: root)
        let token = try #require(try await desk.authenticate(token: secret))
        #expect(
            await error { _ = try await desk.createToken(name: "y", roles: [.admin], by: token) }?.code == "refused")
        #expect(
            await error { _ = try await desk.createToken(name: "y", roles: [.admin], owner: "ben", by: root) }?.code
                == "refused")
        let host = Actor(identity: "root", roles: Set(Role.allCases), via: .command)
        let (forBen, _) = try await desk.createToken(name: "y", roles: [.approver], owner: "ben", by: host)
        #expect(forBen.owner == "ben" && forBen.createdBy == "root")
        #expect(try await desk.tokens(for: root).items.count == 2)
    }
}
