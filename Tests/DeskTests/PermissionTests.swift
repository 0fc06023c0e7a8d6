// SPDX-License-Identifier: Apache-2.0

import Approvals
import Delivery
import Desk
import Incidents
import Orders
import Testing

@Suite struct PermissionTests {
    @Test func rolesAddUpAndEachIncludesViewer() {
        for role in Role.allCases {
            let actor = person("ana", role)
            #expect(actor.roles == [.viewer, role])
            for permission in Permission.allCases {
                #expect(actor.may(permission) == (permission.role == role || permission.role == .viewer))
            }
        }
        let both = person("ana", .analyst, .approver)
        #expect(both.may(.silence) && both.may(.liftOrders) && !both.may(.manageTokens))
        let nobody = Actor(identity: "x", roles: [], via: .console)
        #expect(nobody.roles.isEmpty && !Permission.allCases.contains { nobody.may($0) })
    }

    /// Everything that the desk does, by what it takes.
    private static let calls: [(String, Permission, @Sendable (Desk, Actor) async throws -> Void)] = [
        ("incidents", .read, { _ = try await $0.incidents(for: $1) }),
        ("incident", .read, { _ = try await $0.incident("incident-1", for: $1) }),
        ("timeline", .read, { _ = try await $0.timeline(of: "incident-1", for: $1) }),
        ("alerts of an incident", .read, { _ = try await $0.alerts(ofIncident: "incident-1", for: $1) }),
        ("alerts", .read, { _ = try await $0.alerts(for: $1) }),
        ("alert", .read, { _ = try await $0.alert("a1", for: $1) }),
        ("identity", .read, { _ = try await $0.identity("ana@example.com", for: $1) }),
        ("orders", .read, { _ = try await $0.controls(.order, for: $1) }),
        ("order", .read, { _ = try await $0.control(.order, "x", for: $1) }),
        ("silences", .read, { _ = try await $0.silences(for: $1) }),
        ("silence", .read, { _ = try await $0.silence("x", for: $1) }),
        ("deliveries", .read, { _ = try await $0.deliveries(for: $1) }),
        ("targets", .read, { _ = try await $0.targets(for: $1) }),
        ("receivers", .read, { _ = try $0.receivers(for: $1) }),
        ("detectors", .read, { _ = try await $0.detectors(for: $1) }),
        ("detector", .read, { _ = try await $0.detector("bulk", for: $1) }),
        ("evidence", .read, { _ = try await $0.evidence(for: $1) }),
        ("verification", .read, { _ = try await $0.verifyEvidence(isWhole: true, for: $1) }),
        ("overview", .read, { _ = try await $0.overview(for: $1) }),
        ("health", .read, { _ = try $0.health(for: $1) }),
        ("act", .actOnIncidents, { _ = try await $0.act(.comment("x"), on: "incident-1", by: $1) }),
        ("silence", .silence, { _ = try await $0.addSilence(matchers: "a=b", endsAt: .max, comment: "x", by: $1) }),
        ("change", .silence, { _ = try await $0.changeSilence("x", comment: "y", by: $1) }),
        ("expire", .silence, { _ = try await $0.expireSilence("x", by: $1) }),
        ("decide", .decideApprovals, { _ = try await $0.decide("x", .deny, reason: "x", by: $1) }),
        (
            "issue", .issueOrders,
            {
                _ = try await $0.issue(
                    OrderDraft(
                        actions: [.block], subject: .init(type: .identity, value: "x"), reason: "x", lifetime: hour),
                    by: $1)
            }
        ),
        ("lift", .liftOrders, { _ = try await $0.lift("x", reason: "x", by: $1) }),
        ("replay", .manageDeliveries, { _ = try await $0.replay(ReplaySelection(), by: $1) }),
        ("enable", .manageDeliveries, { _ = try await $0.enableTarget("soc", by: $1) }),
        ("test", .manageDeliveries, { _ = try await $0.testReceiver("nobody", by: $1) }),
        ("tokens", .manageTokens, { _ = try await $0.tokens(for: $1) }),
        ("create", .manageTokens, { _ = try await $0.createToken(name: "x", roles: [.viewer], by: $1) }),
        ("revoke", .manageTokens, { _ = try await $0.revokeToken("x", by: $1) }),
        (
            "recording", .readRecordings,
            { try await $0.note("recording.read", on: "x", by: $1, needs: .readRecordings) }
        ),
        ("report", .readNamedReports, { try await $0.note("report.named", on: "x", by: $1, needs: .readNamedReports) }),
    ]

    @Test func everyPermissionIsAskedOfEveryRoleBeforeAnythingElse() async throws {
        let office = try Office()
        try office.alert("a1")
        #expect(Set(Self.calls.map(\.1)) == Set(Permission.allCases))
        let nobody = Actor(identity: "nobody", roles: [], via: .console)
        for (name, permission, call) in Self.calls {
            for actor in Role.allCases.map({ person("ana", $0) }) + [nobody] {
                let before = try office.evidence().count
                let error = await error { try await call(office.desk, actor) }
                if actor.may(permission) {
                    #expect(error?.code != "forbidden", "\(name) of \(actor.roles)")
                } else {
                    #expect(error == .forbidden(permission), "\(name) of \(actor.roles)")
                    #expect(try office.evidence().count == before)
                }
            }
        }
    }
}
