// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import Signing

/// Who signs in the fixture month. Their keys are made of their names: nobody else may trust them.
struct FixtureKeys {
    let detect: SigningKey
    let gateway: SigningKey
    let hub: SigningKey
    /// Members of the security team, by name.
    let people: [(name: String, key: SigningKey)]
    let trusted: TrustedKeys

    init() throws {
        func key(_ name: String) throws -> SigningKey {
            let seed = SHA256.hash(data: Data("gatewatch fixture key \(name)".utf8))
            return try SigningKey(name: name, text: "ed25519:" + Data(seed).base64EncodedString())
        }
        detect = try key("detect-1")
        gateway = try key("gateway-1")
        hub = try key("hub-1")
        people = try ["ana", "ben", "cleo"].map { ($0, try key($0)) }
        trusted = try TrustedKeys(
            [
                TrustedKey(name: detect.name, role: .automation, may: [.issue], publicText: detect.publicText),
                TrustedKey(name: gateway.name, role: .gateway, may: [], publicText: gateway.publicText),
                TrustedKey(name: hub.name, role: .hub, may: [], publicText: hub.publicText),
            ]
                + people.map { name, key in
                    try TrustedKey(
                        name: name, role: .person, identity: Self.mail(name), groups: ["security"],
                        may: [.approve, .issue, .lift], publicText: key.publicText)
                })
    }

    static func mail(_ name: String) -> String { "\(name)@example.com" }
}
