// SPDX-License-Identifier: Apache-2.0

/// Who asks, and with what, as far as a policy needs it.
package struct PolicyCaller: Sendable {
    /// Of the caller's token.
    package var groups: [String]
    /// The value of the header `Policy.justificationHeader`.
    package var justification: String?
    /// The value of the header `Policy.changeHeader`.
    package var changeID: String?
    /// A decided approval covers this request.
    package var isApproved: Bool

    package init(groups: [String], justification: String? = nil, changeID: String? = nil, isApproved: Bool = false) {
        self.groups = groups
        self.justification = justification
        self.changeID = changeID
        self.isApproved = isApproved
    }
}

/// What a policy says to a request.
package enum Decision: Sendable, Equatable {
    /// Pass it on. The policy's name is for the audit event.
    case allow(policy: String)
    case deny(Denial)
    case needsApproval(ApprovalDemand)

    /// A refusal.
    package struct Denial: Sendable, Equatable {
        /// The connection's name and the rule, such as `vectors-prod/limits`.
        package let policy: String
        /// One sentence for the caller: what is refused and what to do.
        package let detail: String
        /// 403, 413 or 422.
        package let status: Int

        package init(policy: String, detail: String, status: Int) {
            self.policy = policy
            self.detail = detail
            self.status = status
        }
    }

    /// A request that needs other people's consent.
    package struct ApprovalDemand: Sendable, Equatable {
        /// The connection's name and the rule, such as `vectors-prod/approval`.
        package let policy: String
        /// One sentence: why it is needed.
        package let detail: String
        /// How many people have to approve.
        package let needed: Int
        /// The groups that these people are of; empty for anyone who may approve at all.
        package let approvers: [String]

        package init(policy: String, detail: String, needed: Int, approvers: [String]) {
            self.policy = policy
            self.detail = detail
            self.needed = needed
            self.approvers = approvers
        }
    }
}
