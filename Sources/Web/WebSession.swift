// SPDX-License-Identifier: Apache-2.0

import Crypto
package import Foundation
import OIDC

/// A browser that is logged in. Times are ms since the epoch, UTC.
package struct WebSession: Sendable, Equatable {
    /// SHA-256 of the id that the cookie has.
    package let idHash: Data
    /// Stands in each form of this session: who can send it can read its pages.
    package let csrf: String
    package let person: SessionStore.Person
    package let createdAt: Int64
    package let lastSeenAt: Int64

    static func hash(_ id: String) -> Data { Data(SHA256.hash(data: Data(id.utf8))) }

    /// Made of the id, so that it is kept nowhere and changes with it.
    static func csrf(_ id: String) -> String {
        let code = HMAC<SHA256>.authenticationCode(
            for: Data("csrf".utf8), using: SymmetricKey(data: Data(id.utf8)))
        return Data(code).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    /// Compares in a time that does not depend on where the two differ.
    func accepts(csrf sent: String) -> Bool {
        let ours = Array(csrf.utf8)
        let theirs = Array(sent.utf8)
        guard ours.count == theirs.count else { return false }
        return zip(ours, theirs).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
