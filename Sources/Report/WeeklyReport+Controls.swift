// SPDX-License-Identifier: Apache-2.0

extension WeeklyReport {
    package struct Enforcement: Codable, Sendable, Equatable {
        package var orders: [Order]
        package var orderCount: Int
        /// Orders that had an effect, and those that were only observed.
        package var inForce: Int
        package var observed: Int
        /// Of the week's orders: lifted before their time; lifted or ended on an incident that was judged false or benign.
        package var undone: Int
        package var mistaken: Int
        package var approvals: [Approval]
        package var asked: Int
        package var granted: Int
        package var denied: Int
        package var expired: Int
        package var pending: Int
        /// From the alert that led to an order, else the latest one of its incident before it, to the order; ms.
        package var meanTimeToAct: Double?
        package var timedOrders: Int
        /// What detectors decided on the week's alerts of rules that respond.
        package var decisions: [Decision]
        /// Alerts on which an order would have been issued, had detectors not only observed.
        package var wouldHaveActed: Int
        /// Automatic orders that the budget refused, and the most within an hour.
        package var refusedByBudget: Int
        package var mostWithinAnHour: Int
        /// Alerts on identities that automation must not touch: break-glass accounts and the like.
        package var sparedProtected: Int
        /// Such identities that were active in the week; nil where their names were not given.
        package var protected: [Protected]?
        package var notes: [String]

        package struct Decision: Codable, Sendable, Equatable {
            /// issued, observed, refused.
            package var decision: String
            package var reason: String?
            package var alerts: Int
        }

        package struct Protected: Codable, Sendable, Equatable {
            package var who: Who
            package var events: Int64
            package var denied: Int64
        }

        package struct Order: Codable, Sendable, Equatable {
            package var id: String
            package var at: Int64
            package var until: Int64?
            package var state: String
            package var issuer: String
            package var text: String
            package var incident: String?
            /// Its incident was judged false or benign.
            package var isMistaken: Bool
        }

        package struct Approval: Codable, Sendable, Equatable {
            package var id: String
            package var at: Int64
            package var requester: String
            /// `approved` also when the approval has ended by its time; `expired`: nobody decided, or too few.
            package var state: String
            package var decidedBy: String?
            package var text: String
        }
    }

    package struct AccessReview: Codable, Sendable, Equatable {
        /// Identities that have reached something and were quiet for 60 days.
        package var dormant: [Dormant]
        package var dormantCount: Int
        /// Active in the week after their last day by the directory.
        package var leavers: [Leaver]
        package var leaverCount: Int
        /// Kinds of assets that an identity used once and not in the last 60 days, while it was active otherwise.
        package var unused: [Unused]
        package var unusedCount: Int
        /// Sessions of more than 24 hours that were active in the week.
        package var longSessions: [LongSession]
        package var longSessionCount: Int
        /// Identities with sessions from different addresses at the same time.
        package var shared: [Shared]
        package var sharedCount: Int
        /// The hub's API tokens that were valid at the week's end, the oldest first.
        package var tokens: [Token]
        package var tokenCount: Int
        package var notes: [String]

        package struct Token: Codable, Sendable, Equatable {
            package var name: String
            package var owner: String
            package var createdAt: Int64
            package var expiresAt: Int64
            /// Whole days at the week's end.
            package var ageDays: Int
        }

        package struct Dormant: Codable, Sendable, Equatable {
            package var who: Who
            package var lastAt: Int64
            package var resources: Int
        }

        package struct Leaver: Codable, Sendable, Equatable {
            package var who: Who
            package var endDate: String
            package var events: Int64
        }

        package struct Unused: Codable, Sendable, Equatable {
            package var who: Who
            package var accessClass: String
            package var lastAt: Int64
        }

        package struct LongSession: Codable, Sendable, Equatable {
            package var who: Who
            package var startedAt: Int64
            package var hours: Int
            package var events: Int64
        }

        package struct Shared: Codable, Sendable, Equatable {
            package var who: Who
            package var sessions: Int
            package var addresses: Int
        }
    }

    package struct Changes: Codable, Sendable, Equatable {
        package var count: Int
        package var outOfWindow: Int
        package var withoutChangeID: Int
        package var denied: Int
        /// Those outside of windows first, then those without a change id, at most 50.
        package var list: [Change]
        package var notes: [String]

        package struct Change: Codable, Sendable, Equatable {
            package var event: String
            package var at: Int64
            package var who: Who
            package var operation: String
            package var resource: String?
            package var changeID: String?
            package var approvalID: String?
            package var decision: String
            /// The rules of configuration that fired on it; none: nothing says that it was outside of a window.
            package var rules: [String]
        }
    }

    package struct Detection: Codable, Sendable, Equatable {
        package var rules: [Rule]
        /// Rules in force without an alert in eight weeks; those being tried out are left out.
        package var silent: [String]
        package var noisy: [String]
        /// From the first event that led to an alert to the one that fired it, ms.
        package var meanTimeToDetect: Double?
        /// From the event that fired it to the hub, ms: 95 of 100 are not above.
        package var arrivalP95: Int64?
        package var targets: [Target]
        package var deliveries: Int
        package var delivered: Int
        package var dead: Int
        package var pending: Int
        package var deliverySuccess: Double?
        /// From the outbox to the receiver's yes, ms.
        package var deliveryP95: Int64?
        /// Alerts of the week that were held back from a receiver at least once; one may be so for several reasons.
        package var silenced: Int
        package var inhibited: Int
        package var muted: Int
        package var notes: [String]

        package struct Rule: Codable, Sendable, Equatable {
            package var rule: String
            package var title: String
            package var level: String?
            package var status: String?
            package var alerts: Int
            package var alertsBefore: Int
            package var identities: Int
            /// Of all its alerts ever, by dispositions.
            package var judged: Int
            package var falseAlerts: Int
            package var falseShare: Double?
        }

        package struct Target: Codable, Sendable, Equatable {
            package var target: String
            package var delivered: Int
            package var dead: Int
            package var pending: Int
        }
    }

    package struct Recommendation: Codable, Sendable, Equatable {
        /// The same for the same thing in another week.
        package var key: String
        /// From 1, the most urgent.
        package var rank: Int
        package var text: String
        package var owner: String
        package var effect: String
        /// Where it comes from: ids of incidents, identities, rules.
        package var about: [String]
        /// It was recommended last week already.
        package var isRepeated: Bool
    }

    package struct CarriedOver: Codable, Sendable, Equatable {
        package var key: String
        package var text: String
        package var isDone: Bool
    }

    package struct Appendix: Codable, Sendable, Equatable {
        package var method: [String]
        package var thresholds: [Threshold]
        package var dictionary: [Definition]
        package var integrity: Integrity
        package var privacy: [String]

        package struct Threshold: Codable, Sendable, Equatable {
            package var name: String
            package var value: String
        }

        package struct Definition: Codable, Sendable, Equatable {
            package var term: String
            package var meaning: String
        }

        package struct Integrity: Codable, Sendable, Equatable {
            /// Rows of evidence before the end of the week; all hashes up to there were computed anew.
            package var rows: Int64
            package var hash: String
            package var fits: Bool
            package var fault: String?
            /// The last row before the end of the week that a signed head covers.
            package var signedTo: Int64
        }
    }
}
