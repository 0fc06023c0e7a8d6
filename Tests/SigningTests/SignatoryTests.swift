// SPDX-License-Identifier: Apache-2.0

import Signing
import Testing

@Suite struct SignatoryTests {
    private func key(_ role: TrustedKey.Role, may: Set<TrustedKey.Permission> = []) throws -> TrustedKey {
        try TrustedKey(
            name: "k", role: role, identity: role == .person ? "ana@example.com" : nil,
            groups: role == .person ? ["security"] : [], may: may, publicText: SigningKey.generate(name: "k").publicText
        )
    }

    @Test func `a person's key speaks for its holder alone, with the groups of the key`() throws {
        let key = try key(.person, may: [.lift])
        let ana = try #require(Signatory(of: key, named: "ANA@example.com", groups: ["admins"]))
        #expect(ana.person == "ana@example.com" && ana.groups == ["security"] && ana.recordName == "k")
        #expect(Signatory(of: key, named: "ben@example.com") == nil)
        #expect(Signatory(of: key, named: "k") == nil)
    }

    @Test func `automation speaks for itself, a gateway for nobody`() throws {
        let automation = try #require(Signatory(of: try key(.automation, may: [.issue]), named: "k"))
        #expect(automation.person == nil && automation.recordName == "k")
        #expect(Signatory(of: try key(.automation, may: [.issue]), named: "ana@example.com") == nil)
        #expect(Signatory(of: try key(.gateway), named: "k") == nil)
    }

    @Test func `a hub speaks for whom it names, and each person's records have a place of their own`() throws {
        let key = try key(.hub, may: [.issue, .lift, .approve])
        let ana = try #require(Signatory(of: key, named: "ana@example.com", groups: ["soc"]))
        #expect(ana.person == "ana@example.com" && ana.groups == ["soc"])
        #expect(ana.recordName == Signatory(of: key, named: "ANA@Example.com")?.recordName)
        #expect(ana.recordName != Signatory(of: key, named: "ben@example.com")?.recordName)
        #expect(ana.recordName.hasPrefix("k/") && ana.recordName.utf8.count == 34)
        #expect(ana.recordName == Signatory.recordName(key: "k", person: "ana@example.com"))
        #expect(Signatory(of: key, named: "") == nil)
        // Without `may` it is still a hub's key, which signs heads.
        #expect(try self.key(.hub).may.isEmpty)
    }
}
