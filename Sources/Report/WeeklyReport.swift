// SPDX-License-Identifier: Apache-2.0

/// Every number and every word of a weekly report: what any of its forms shows is here. The same data give the same value.
///
/// Times are ms since the epoch, UTC; shares are 0 to 1. What is nil was not recorded; `notes` of a section say so in words.
package struct WeeklyReport: Codable, Sendable, Equatable {
    /// Grows when a member changes its meaning or goes.
    package static let schemaVersion = 1

    /// Whether identities are called by their names.
    package enum Edition: String, Codable, Sendable, CaseIterable { case pseudonymous, named }

    package internal(set) var schemaVersion = Self.schemaVersion
    package internal(set) var edition: Edition
    package internal(set) var header: Header
    package internal(set) var summary: Summary
    package internal(set) var risk: RiskMovement
    package internal(set) var signals: Signals
    package internal(set) var assets: Assets
    package internal(set) var incidents: Incidents
    package internal(set) var enforcement: Enforcement
    package internal(set) var access: AccessReview
    package internal(set) var changes: Changes
    package internal(set) var detection: Detection
    package internal(set) var recommendations: [Recommendation]
    /// What last week's report recommended, and whether it is done.
    package internal(set) var carriedOver: [CarriedOver]
    package internal(set) var appendix: Appendix

    /// Somebody as the edition calls them, and the code by which the two editions are compared.
    package struct Who: Codable, Sendable, Equatable, Hashable {
        package var name: String
        package var code: String
    }

    package struct Header: Codable, Sendable, Equatable {
        package var week: String
        package var zone: String
        package var from: Int64
        package var to: Int64
        /// Of the week: 168, or 167 or 169 where clocks change.
        package var hours: Int
        package var tenant: String?
        package var generator: String
        /// The end of the data in the week: the report knows nothing later.
        package var dataUntil: Int64?
        /// SHA-256 over the rules in force; nil where none were given.
        package var ruleSetHash: String?
        package var rules: Int
        /// Hours of the week with at least one event, and their share.
        package var hoursWithEvents: Int?
        package var coverage: Double?
        /// Stretches of whole hours without any event, longest first.
        package var gaps: [Gap]
        package var eventsRead: Int64?
        package var eventsUnreadable: Int64?
        /// Of those read: they came more than a minute after their time.
        package var eventsLate: Int64?
        package var alertsUnreadable: Int64
        package var notes: [String]
    }

    package struct Gap: Codable, Sendable, Equatable {
        package var from: Int64
        package var hours: Int
    }

    package struct Summary: Codable, Sendable, Equatable {
        /// Five sentences.
        package var lines: [String]
        package var incidentsBySeverity: [SeverityCount]
        package var opened: Int
        package var openedBefore: Int
        package var closed: Int
        package var closedBefore: Int
        package var openAtEnd: Int
    }

    package struct SeverityCount: Codable, Sendable, Equatable {
        package var severity: String
        package var opened: Int
        package var openedBefore: Int
    }

    package struct RiskMovement: Codable, Sendable, Equatable {
        /// Weeks of ``top`` and ``bands``, oldest first.
        package var weeks: [String]
        /// Identities with a score of 1 or more at the end of each week, by level.
        package var bands: [Band]
        package var identities: Int
        package var top: [Identity]
        package var risers: [Identity]
        package var fallers: [Identity]
        package var notes: [String]

        package struct Band: Codable, Sendable, Equatable {
            /// info, low, medium, high, critical.
            package var level: String
            package var counts: [Int]
        }

        package struct Identity: Codable, Sendable, Equatable {
            package var who: Who
            package var role: String?
            package var peerGroup: String?
            /// At the end of the week, rounded to tenths.
            package var score: Double
            package var level: String
            /// Against the end of the week before.
            package var delta: Double
            /// At the end of each week.
            package var history: [Double]
            package var terms: [Term]
        }

        package struct Term: Codable, Sendable, Equatable {
            package var rule: String
            package var points: Double
            package var alerts: Int
        }
    }

    package struct Signals: Codable, Sendable, Equatable {
        package var families: [Family]
        package var alerts: Int
        package var identities: Int
        /// Alerts by weekday, Monday first, and hour of the zone.
        package var heat: [[Int]]
        package var bytesOut: Volume?
        package var vectorsOut: Volume?
        package var notes: [String]

        package struct Family: Codable, Sendable, Equatable {
            package var family: String
            package var title: String
            package var alerts: Int
            package var alertsBefore: Int
            package var identities: Int
            /// Of the week's alerts, those that somebody judged, and how.
            package var judged: Int
            package var wrong: Int
            /// The share that was not false; nil where none is judged.
            package var precision: Double?
        }
    }

    /// Something per day, and what was usual.
    package struct Volume: Codable, Sendable, Equatable {
        /// ISO dates of the zone, oldest first.
        package var days: [String]
        package var values: [Double]
        /// Nil while too little is known.
        package var expected: [Double?]
        /// Nine of ten usual values lie between the two.
        package var low: [Double?]
        package var high: [Double?]
        /// From here on a day deviates.
        package var limit: [Double?]
        /// Of the week, and of the week before.
        package var week: Double
        package var before: Double
    }

    package struct Assets: Codable, Sendable, Equatable {
        package var groups: [Group]
        /// Who took what without an approval, the most first.
        package var unapproved: [Unapproved]
        package var unapprovedCount: Int
        package var unapprovedTotal: Int64
        /// The same of each connection, the most first.
        package var unapprovedByConnection: [UnapprovedOfConnection]
        package var notes: [String]

        package struct Group: Codable, Sendable, Equatable {
            /// checkpoints, datasets, namespaces.
            package var kind: String
            /// How many were reached in the week; the list has at most 50.
            package var count: Int
            package var assets: [Asset]
        }

        package struct Asset: Codable, Sendable, Equatable {
            package var type: String
            package var name: String
            package var connection: String
            /// Identities that were let through at least once.
            package var identities: Int
            /// Identities that had never been there before the week.
            package var firstTime: Int
            package var events: Int64
            package var items: Int64
            package var bytesOut: Int64
            package var bytesOutBefore: Int64
            package var denied: Int64
            package var unapproved: Int64
        }

        package struct UnapprovedOfConnection: Codable, Sendable, Equatable {
            package var connection: String
            package var identities: Int
            package var events: Int64
            package var bytesOut: Int64
        }

        package struct Unapproved: Codable, Sendable, Equatable {
            package var who: Who
            package var asset: String
            package var connection: String
            package var events: Int64
            package var items: Int64
            package var bytesOut: Int64
        }
    }

    package struct Incidents: Codable, Sendable, Equatable {
        /// How many the week is about; the list has at most 40, the gravest first.
        package var count: Int
        package var list: [Incident]
        package var notes: [String]
    }

    package struct Incident: Codable, Sendable, Equatable {
        package var id: String
        package var who: Who?
        package var title: String
        package var severity: String
        package var status: String
        package var openedAt: Int64
        package var lastAlertAt: Int64
        package var closedAt: Int64?
        package var closedWhy: String?
        package var owner: String?
        package var disposition: String?
        package var dispositionReason: String?
        package var alerts: Int
        package var rules: [String]
        package var riskScore: Int?
        package var bytes: Int64
        package var items: Int64
        package var resources: [String]
        /// It in one paragraph.
        package var paragraph: String
        package var timeline: [Entry]
        /// Entries that are not in ``timeline``.
        package var omittedEntries: Int
        /// Ids of the events that fired its alerts, at most 20, and how many there are.
        package var events: [String]
        package var eventCount: Int
        /// What people did about it.
        package var evidence: [Evidence]

        package struct Entry: Codable, Sendable, Equatable {
            package var at: Int64
            package var kind: String
            package var who: String?
            package var text: String
            package var reference: String?
        }

        package struct Evidence: Codable, Sendable, Equatable {
            package var sequence: Int64
            package var action: String
            package var hash: String
        }
    }
}
