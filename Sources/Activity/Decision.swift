// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// What became of a request, in four words.
package enum Decision: UInt8, Sendable, CaseIterable {
    /// It went through, as it was or masked.
    case allowed
    /// It was refused (`action_id` 2).
    case denied
    /// It was refused and may be asked for again with an approval (`disposition_id` 99, `Sent to approval`).
    case approval
    /// It was let through and did not succeed (`status_id` 2).
    case failed

    /// As it stands in the tables.
    package var name: String { "\(self)" }

    /// OCSF's security control profile; a log without it has `status_id` only.
    init(action: Int?, disposition: Int?, status: Int?) {
        switch (action, disposition, status) {
        case (2, 99, _): self = .approval
        case (2, _, _): self = .denied
        case (_, _, 2): self = .failed
        default: self = .allowed
        }
    }
}

/// The operations as the tables name them: those of `Operation`, `logon` for Authentication events, and `other` for what no list knows.
enum OperationTable {
    static let logon = UInt8(Operation.allCases.count)
    static let names = Operation.allCases.map(\.rawValue) + ["logon"]
    static let other = UInt8(Operation.allCases.firstIndex(of: .other) ?? 0)

    /// Whether such an event takes what needs an approval: checkpoints, corpora, exports. Listing takes nothing.
    static let needsApproval =
        Operation.allCases.map { operation in
            switch operation.accessClass {
            case .weights, .trainingData: operation.isSensitive
            default: operation == .vectorsExport
            }
        } + [false]

    /// Whether it is a change that `changes` lists.
    static let isChange =
        Operation.allCases.map { [.configChange, .policyChange, .collectionChange].contains($0) } + [false]

    /// The operations of an access class, for SQL. Names of the list above only.
    static func list(_ accessClass: AccessClass) -> String {
        let names =
            Operation.allCases.filter { $0.accessClass == accessClass }.map(\.rawValue)
            + (accessClass == .none ? ["logon"] : [])
        return names.map { "'\($0)'" }.joined(separator: ", ")
    }
}
