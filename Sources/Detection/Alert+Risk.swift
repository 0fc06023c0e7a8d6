// SPDX-License-Identifier: Apache-2.0

import JSONText

extension Alert {
    /// The risk of an identity at the time of an alert, with that alert in it.
    package struct Risk: Sendable, Codable, Equatable {
        /// What one rule's alerts add.
        package struct Term: Sendable, Codable, Equatable {
            /// What people call the rule.
            package let rule: String
            /// Rounded to tenths.
            package let points: Double
            /// How many alerts it is made of.
            package let alerts: Int
            /// The latest of them, ms since the epoch, UTC.
            package let time: Int64
        }

        /// Of `score`, from 20, 40, 70 and 90 on.
        package enum Level: String, Sendable, Codable, CaseIterable {
            case info, low, medium, high, critical
        }

        /// The sum of the terms.
        package let score: Double
        /// The weightiest first.
        package let terms: [Term]

        /// A risk of a score that somebody computed.
        package init(score: Double, terms: [Term]) {
            self.score = score
            self.terms = terms
        }

        /// A word for the score.
        package var level: Level {
            switch score {
            case ..<20: .info
            case ..<40: .low
            case ..<70: .medium
            case ..<90: .high
            default: .critical
            }
        }

        /// The terms as a sum: `gw_chain 80 + gw_bulk_vectors_10m 40.5 (3 alerts)`.
        package var description: String {
            terms.map { term in
                "\(term.rule) \(AlertText.format(term.points))" + (term.alerts > 1 ? " (\(term.alerts) alerts)" : "")
            }.joined(separator: " + ")
        }
    }

    /// `risk_score` and its like (OCSF 1.1, Detection Finding), 0 informational to 4 critical.
    func risk(_ json: inout JSONWriter) {
        guard let risk else { return }
        json.field("risk_score", Int(min(risk.score, 1e6).rounded()))
        json.field("risk_level_id", Risk.Level.allCases.firstIndex(of: risk.level) ?? 0)
        json.field("risk_level", risk.level.rawValue.prefix(1).uppercased() + risk.level.rawValue.dropFirst())
        json.field("risk_details", risk.description)
    }

    /// The terms, for whoever computes with them.
    func riskTerms(_ json: inout JSONWriter) {
        guard let risk else { return }
        json.array("risk_terms", risk.terms) { json, term in
            json.object {
                $0.field("rule", term.rule)
                $0.field("points", term.points)
                $0.field("alerts", term.alerts)
                $0.field("time", term.time)
            }
        }
    }
}
