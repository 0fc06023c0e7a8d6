// SPDX-License-Identifier: Apache-2.0

import Finding
import Foundation
import GRDB

extension ReportBuilder {
    /// The levels of risk, and from which score on each is.
    static let levels: [(name: String, from: Double)] = [
        ("info", 0), ("low", 20), ("medium", 40), ("high", 70), ("critical", 90),
    ]

    static func level(_ score: Double) -> String { levels.last { score >= $0.from }?.name ?? "info" }

    func risk() throws -> WeeklyReport.RiskMovement {
        let weeks = (0..<ReportLimits.weeks).reversed().map { period.earlier($0) }
        var standings = try standings(weeks).filter { standing in
            standing.scores.contains { $0 >= ReportLimits.leastScore }
        }
        // By the code where scores are the same: both editions have one order.
        standings.sort { ($1.score, $0.code) < ($0.score, $1.code) }
        var bands = Self.levels.map { WeeklyReport.RiskMovement.Band(level: $0.name, counts: weeks.map { _ in 0 }) }
        for standing in standings {
            for (week, score) in standing.scores.enumerated() where score >= ReportLimits.leastScore {
                bands[Self.levels.lastIndex { score >= $0.from } ?? 0].counts[week] += 1
            }
        }
        let atRisk = standings.prefix { $0.score >= ReportLimits.leastScore }
        var notes: [String] = []
        if standings.isEmpty {
            notes.append("No alert of these weeks has a risk: nobody is at risk by what is recorded.")
        }
        if settings.people.isEmpty {
            notes.append("Roles and peer groups were not given: there is no identity directory.")
        }
        return WeeklyReport.RiskMovement(
            weeks: weeks.map(\.name), bands: bands, identities: atRisk.count,
            top: atRisk.prefix(ReportLimits.topIdentities).map(identity),
            risers: movers(standings) { $0.delta > 0 }, fallers: movers(standings) { $0.delta < 0 }, notes: notes)
    }

    private func movers(
        _ standings: [Standing], _ isMeant: (Standing) -> Bool
    ) -> [WeeklyReport.RiskMovement.Identity] {
        standings.filter(isMeant).sorted { (abs($1.delta), $0.code) < (abs($0.delta), $1.code) }
            .prefix(ReportLimits.movers).map(identity)
    }

    private func identity(_ standing: Standing) -> WeeklyReport.RiskMovement.Identity {
        let person = person(standing.identity)
        return WeeklyReport.RiskMovement.Identity(
            who: who(standing.identity), role: person?.role.map(naming.text),
            peerGroup: person?.peerGroup.map(naming.text), score: standing.score, level: Self.level(standing.score),
            delta: standing.delta, history: standing.scores,
            terms: standing.terms.map { term in
                WeeklyReport.RiskMovement.Term(
                    rule: naming.text(rules.name(term.rule)), points: Self.rounded(term.points), alerts: term.alerts)
            }.filter { $0.points > 0 })
    }

    /// One identity at the ends of the weeks.
    private struct Standing {
        let identity: String
        let code: String
        let scores: [Double]
        /// Of the last week's end.
        let terms: [DetectionFinding.RiskTerm]

        var score: Double { scores.last ?? 0 }
        var delta: Double { ReportBuilder.rounded(score - (scores.dropLast().last ?? 0)) }
    }

    /// What each identity's risk was at the end of each week: that of its latest alert before then, faded since.
    private func standings(_ weeks: [ReportPeriod]) throws -> [Standing] {
        guard let first = weeks.first else { return [] }
        // Ten half-lives before the first week, a point is a thousandth of one.
        var spans = [(from: first.from - 10 * ReportLimits.halfLife, to: first.from)]
        spans += weeks.map { ($0.from, $0.to) }
        let values = spans.enumerated().map { "(\($0), \($1.from), \($1.to))" }.joined(separator: ", ")
        let rows = try Row.fetchCursor(
            hub,
            sql: """
                WITH spans (number, starts, ends) AS (VALUES \(values)),
                scored AS (
                    SELECT number, identity, time, json_extract(json, '$.unmapped.risk_terms') AS terms,
                        row_number() OVER (PARTITION BY number, identity
                            ORDER BY time DESC, json_extract(json, '$.risk_score') DESC, id DESC) AS place
                    FROM spans JOIN alerts ON time >= starts AND time < ends
                    WHERE identity IS NOT NULL AND identity <> '' AND json_extract(json, '$.risk_score') IS NOT NULL
                )
                SELECT number, identity, time, terms FROM scored WHERE place = 1 ORDER BY identity, number
                """)
        var latest: [String: [Int: (time: Int64, terms: [DetectionFinding.RiskTerm])]] = [:]
        while let row = try rows.next() {
            let text: String? = row["terms"]
            let terms =
                text.flatMap { try? JSONDecoder().decode([DetectionFinding.RiskTerm].self, from: Data($0.utf8)) } ?? []
            latest[row["identity"], default: [:]][row["number"]] = (row["time"], Array(terms.prefix(64)))
        }
        return latest.map { identity, bySpan in
            var known = bySpan[0]
            var terms: [DetectionFinding.RiskTerm] = []
            let scores = weeks.indices.map { week in
                if let newer = bySpan[week + 1] { known = newer }
                terms = known.map { faded($0.terms, from: $0.time, to: weeks[week].to) } ?? []
                return Self.rounded(min(terms.reduce(0) { $0 + $1.points }, 1e6))
            }
            return Standing(identity: identity, code: naming.code(identity), scores: scores, terms: terms)
        }
    }

    private func faded(
        _ terms: [DetectionFinding.RiskTerm], from time: Int64, to moment: Int64
    ) -> [DetectionFinding.RiskTerm] {
        terms.map { term in
            var term = term
            let halfLife = rules[term.rule]?.halfLife ?? ReportLimits.halfLife
            term.points *= exp2(-Double(max(0, moment - time)) / Double(max(1, halfLife)))
            return term
        }
    }
}
