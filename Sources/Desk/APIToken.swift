// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import GRDB

/// A token by which a program acts in the name of a person. Times are ms since the epoch, UTC.
package struct APIToken: Sendable, Equatable, Identifiable {
    /// Where it is in its life.
    package enum State: String, Sendable, CaseIterable { case active, expired, revoked }

    /// What every token begins with, so that scanners for leaked secrets find it.
    package static let prefix = "gwt_"
    /// How long one lasts when nothing is said, and at most: 90 and 366 days.
    package static let defaultLifetime: Int64 = 90 * 86_400_000
    package static let maximumLifetime: Int64 = 366 * 86_400_000
    /// Tokens of one person that are neither revoked nor over.
    package static let maximumPerOwner = 50

    package let id: String
    package let name: String
    /// In whose name it acts.
    package let owner: String
    /// At most these; a person who has lost a role by the last login has lost it here too.
    package let roles: Set<Role>
    package let createdAt: Int64
    package let createdBy: String
    package let expiresAt: Int64
    /// To the minute.
    package let lastUsedAt: Int64?
    package let revokedAt: Int64?
    package let revokedBy: String?

    package func state(at now: Int64) -> State {
        revokedAt != nil ? .revoked : now < expiresAt ? .active : .expired
    }

    init(_ row: Row) {
        id = row["id"]
        name = row["name"]
        owner = row["owner"]
        roles = Self.roles(row["roles"])
        createdAt = row["created_at"]
        createdBy = row["created_by"]
        expiresAt = row["expires_at"]
        lastUsedAt = row["last_used_at"]
        revokedAt = row["revoked_at"]
        revokedBy = row["revoked_by"]
    }

    /// A new secret: 32 bytes of the system's random source.
    static func secret() -> String {
        let key = SymmetricKey(size: .bits256)
        let text = key.withUnsafeBytes { Data($0).base64EncodedString() }
        return prefix
            + text.replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }

    /// What is kept of a secret. It is random and long: nobody guesses it from a fast hash.
    static func hash(_ secret: String) -> String {
        SHA256.hash(data: Data(secret.utf8)).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
    }

    static func texts(_ json: String) -> [String] {
        (try? JSONDecoder().decode([String].self, from: Data(json.utf8))) ?? []
    }

    static func roles(_ json: String) -> Set<Role> { Set(texts(json).compactMap(Role.init)) }

    static func json(_ texts: some Sequence<String>) throws -> String {
        String(decoding: try JSONEncoder().encode(texts.sorted()), as: UTF8.self)
    }
}
