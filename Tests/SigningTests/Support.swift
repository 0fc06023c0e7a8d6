// SPDX-License-Identifier: Apache-2.0

import Foundation
import Signing

/// The bytes of a text.
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Base64url without padding, made with Foundation's base64.
func base64URL(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
        .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
}

/// A folder that is gone afterwards.
func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let path = NSTemporaryDirectory() + "gatewatch-signing-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
}

/// A key and the list that trusts it as a person's.
struct Person {
    let key: SigningKey
    let trusted: TrustedKeys

    init(_ name: String = "alice") throws {
        key = try SigningKey.generate(name: name)
        trusted = try TrustedKeys([
            try TrustedKey(
                name: name, role: .person, identity: "\(name)@example.com", may: [.issue, .lift, .approve],
                publicText: key.publicText)
        ])
    }
}
