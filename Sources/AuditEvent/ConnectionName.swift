// SPDX-License-Identifier: Apache-2.0

/// What a connection of the gateway can be called: `api.service.name` of its events, and what rules and orders name it by.
package enum ConnectionName {
    /// How a name is written, to end a sentence about one that is none.
    package static let form = "Use letters, digits, '-', '_' and '.', at most 128."

    /// Whether a connection can be called so.
    package static func isValid(_ name: String) -> Bool {
        (1...128).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20) || "-_.".utf8.contains($0)
            }
    }
}
