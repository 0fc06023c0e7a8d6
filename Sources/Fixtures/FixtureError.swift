// SPDX-License-Identifier: Apache-2.0

/// Why a fixture day cannot be made or written.
package struct FixtureError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A sentence for the person who asked: what, and what to do.
    package let description: String

    init(_ description: String) { self.description = description }
}
