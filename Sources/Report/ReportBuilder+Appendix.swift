// SPDX-License-Identifier: Apache-2.0

import Charts
import GRDB
import Incidents
import Signing

extension ReportBuilder {
    func appendix() throws -> WeeklyReport.Appendix {
        WeeklyReport.Appendix(
            method: Self.method, thresholds: thresholds, dictionary: Self.dictionary, integrity: try integrity(),
            privacy: privacy)
    }

    private static let method = [
        "The report is computed from the hub's databases alone, and reads no clock: the same data give the same bytes.",
        "Times of alerts and events are their own, not those of their arrival. A week begins on Monday at midnight on the zone's clock.",
        "An identity's risk is that of its latest alert: per rule the points of its alerts, repeats compressed, capped per day; since then each half has faded within the rule's half-life.",
        "Bands of bytes and vectors are those of the detectors' baselines over days and weekdays, learned from at most 182 days before: nine of ten usual days lie in the band, a marked day deviates. See docs/baselines.md.",
        "Precision is the share of judged alerts that nobody called false. What nobody judged is not in it.",
        "What last week's report recommended is computed again from the same data; it is done when the same would not be recommended now.",
    ]

    private var thresholds: [WeeklyReport.Appendix.Threshold] {
        let own: [(String, String)] = [
            (
                "levels of risk",
                Self.levels.dropFirst().map { "\($0.name) from \(NumberText.fixed($0.from, 0))" }.joined(
                    separator: ", ")
            ),
            ("half-life of risk, where a rule says nothing", Words.duration(Double(ReportLimits.halfLife))),
            ("identity is dormant, kind of asset unused after", "\(ReportLimits.dormantDays) quiet days"),
            ("session is long after", Words.duration(Double(ReportLimits.longSession))),
            (
                "rule is noisy from",
                "\(ReportLimits.noisyAlerts) alerts a week, or \(percent(ReportLimits.falseShare)) false of at least \(ReportLimits.judged) judged"
            ),
            ("rule is silent after", "\(ReportLimits.weeks) weeks without an alert"),
            ("coverage is stated first below", percent(ReportLimits.coverage)),
        ]
        return own.map { WeeklyReport.Appendix.Threshold(name: $0.0, value: $0.1) }
            + rules.all.map { rule in
                WeeklyReport.Appendix.Threshold(
                    name: rule.name,
                    value: [rule.level, rule.status, rule.limit].compactMap(\.self).joined(separator: ", "))
            }
    }

    private func percent(_ share: Double) -> String { ChartUnit.percent.text(share * 100) }

    private static let dictionary = [
        (
            "alert",
            "what a rule found, once; those of rules being tried out (experimental) count only under detection quality"
        ),
        ("incident", "the alerts of one identity until 24 hours without one"),
        ("score", "points of risk; see method"),
        ("Δ", "against the week before"),
        (
            "reached by",
            "identities whose requests for the asset were let through at least once; reading and writing are not told apart"
        ),
        ("first-time", "identities that reached or tried the asset for the first time in the week"),
        ("denied", "requests that were refused"),
        ("unapproved", "requests for checkpoints, corpora or exports that were let through without an approval"),
        ("items", "inputs embedded, vectors returned, rows or objects read"),
        ("vectors out", "items of vectors.query and vectors.export"),
        ("judged", "alerts whose incident got a disposition: true, false or benign"),
        ("observed", "an order that was only written down: what would have been done"),
        ("would have acted", "alerts on which an order would have been issued, had detectors not only observed"),
        ("late", "an event whose record came more than a minute after its time; detectors drop it past their lateness"),
        ("silenced, inhibited, muted", "alerts that were held back from a receiver at least once by routing"),
        ("undone", "orders of the week that were lifted before their end"),
        ("mistaken", "orders of the week on incidents that were judged false or benign"),
        (
            "mean time to act",
            "from the alert that led to an order, else the latest one of its incident before it, to the order"
        ),
        ("mean time to detect", "from the first event that led to an alert to the event that fired it"),
    ].map { WeeklyReport.Appendix.Definition(term: $0.0, meaning: $0.1) }

    private var privacy: [String] {
        var lines: [String]
        switch edition {
        case .pseudonymous:
            lines = [
                "Identities, and people who acted, are called by codes. A code is made of the name with a key that stays with the hub: the same in every report, and of no use without the key.",
                "Names inside of titles and texts are replaced where the data know them; comments are left out. A name that only a person wrote, in other words, may remain.",
            ]
        case .named:
            lines = [
                "This edition names people. That it was made, by whom and for which week stands in the evidence chain. Pass it on to those only who must know."
            ]
        }
        lines.append(
            "The hub keeps what happened per hour and day for 400 days, sessions for 90, deliveries for 30 after they arrived; evidence is never deleted."
        )
        return lines
    }

    /// The chain up to the end of the week, computed anew.
    private func integrity() throws -> WeeklyReport.Appendix.Integrity {
        let last =
            try Int64.fetchOne(
                hub, sql: "SELECT coalesce(max(sequence), 0) FROM evidence WHERE at < ?", arguments: [period.to]) ?? 0
        guard last > 0 else {
            return WeeklyReport.Appendix.Integrity(rows: 0, hash: EvidenceChain.origin, fits: true, signedTo: 0)
        }
        let verified = try EvidenceVerification.verify(to: last, in: hub)
        return WeeklyReport.Appendix.Integrity(
            rows: last, hash: verified.lastHash, fits: verified.fault == nil, fault: verified.fault?.description,
            signedTo: try Int64.fetchOne(
                hub, sql: "SELECT coalesce(max(sequence), 0) FROM evidence_heads WHERE sequence <= ?", arguments: [last]
            )
                ?? 0)
    }
}
