// SPDX-License-Identifier: Apache-2.0

import Hub
package import Incidents
package import Paging
import Signing

/// How the chain of evidence stands.
package struct EvidenceState: Sendable, Equatable {
    package var verification: EvidenceVerification
    /// Whether signed heads were checked: it takes trusted keys.
    package var checksHeads: Bool
    /// Whether the hub has a key to sign heads with.
    package var signs: Bool
}

extension Desk {
    /// Rows of evidence, the latest first.
    ///
    /// - Throws: ``DeskError``, or SQLite's error.
    package func evidence(
        _ filter: EvidenceChain.Filter = .init(), after cursor: String? = nil, limit: Int = 100, for actor: Actor
    ) async throws -> Page<EvidenceRow> {
        try await read(for: actor) { db in try EvidenceChain.page(filter, after: cursor, limit: limit, in: db) }
    }

    /// Walks the chain and says what fits.
    ///
    /// - Parameter isWhole: from the first row; else only the last 1,000 rows, which is what a page needs.
    /// - Throws: ``DeskError``, or SQLite's error.
    package func verifyEvidence(isWhole: Bool = false, for actor: Actor) async throws -> EvidenceState {
        let (keys, signs) = (hub.books?.keys, hub.configuration.evidenceKey != nil)
        return try await read(for: actor) { db in
            let last = try EvidenceChain.page(limit: 1, in: db).items.first?.sequence ?? 0
            return EvidenceState(
                verification: try EvidenceVerification.verify(
                    from: isWhole ? 1 : max(1, last - 999), keys: keys, in: db), checksHeads: keys != nil, signs: signs)
        }
    }
}
