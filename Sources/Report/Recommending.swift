// SPDX-License-Identifier: Apache-2.0

import Charts

/// What should be done next, found in the sections of a report.
enum Recommending {
    /// Fills in the recommendations, and what became of those of the week before.
    static func fill(_ report: inout WeeklyReport, before: WeeklyReport) {
        var found = recommendations(report)
        let past = recommendations(before)
        let known = Set(past.map(\.key))
        for index in found.indices {
            found[index].rank = index + 1
            found[index].isRepeated = known.contains(found[index].key)
        }
        let now = Set(found.map(\.key))
        report.recommendations = found
        report.carriedOver = past.map {
            WeeklyReport.CarriedOver(key: $0.key, text: $0.text, isDone: !now.contains($0.key))
        }
    }

    private struct Draft {
        var urgency: Int
        var weight: Double
        var item: WeeklyReport.Recommendation
    }

    /// The most urgent first; of one urgency the weightiest.
    private static func recommendations(_ report: WeeklyReport) -> [WeeklyReport.Recommendation] {
        var drafts: [Draft] = []
        func add(
            urgency: Int, key: String, weight: Double, text: String, owner: String, effect: String, about: [String]
        ) {
            drafts.append(
                Draft(
                    urgency: urgency, weight: weight,
                    item: .init(
                        key: key, rank: 0, text: text, owner: owner, effect: effect, about: about, isRepeated: false)))
        }
        incidents(report, add)
        access(report, add)
        operations(report, add)
        return drafts.sorted {
            ($0.urgency, -$0.weight, $0.item.key) < ($1.urgency, -$1.weight, $1.item.key)
        }.map(\.item)
    }

    private typealias Add = (
        _ urgency: Int, _ key: String, _ weight: Double, _ text: String, _ owner: String, _ effect: String,
        _ about: [String]
    ) -> Void

    private static func incidents(_ report: WeeklyReport, _ add: Add) {
        let open = report.incidents.list.filter { $0.status == "open" }
        for incident in open where incident.owner == nil && ["high", "critical", "fatal"].contains(incident.severity) {
            add(
                1, "incident.owner:\(incident.id)", Double(incident.riskScore ?? 0),
                "Give incident \(incident.id.prefix(8)) (\(incident.severity)) an owner: \(incident.title).",
                "SOC lead", "somebody answers for it", [incident.id])
        }
        let ordered = Set(report.enforcement.orders.compactMap(\.incident))
        for identity in report.risk.top where identity.score >= ReportLimits.highScore {
            let own = report.incidents.list.filter { $0.who?.code == identity.who.code }
            guard !own.contains(where: { ordered.contains($0.id) || $0.disposition != nil }) else { continue }
            add(
                1, "risk.order:\(identity.who.code)", identity.score,
                "Decide on an order for \(identity.who.name): risk \(NumberText.fixed(identity.score, 1)), and no order was issued.",
                "SOC lead", "a lockdown asks for an approval of everything sensitive until this is cleared",
                [identity.who.code])
        }
        let unjudged = report.incidents.list.filter { $0.status == "closed" && $0.disposition == nil }
        if !unjudged.isEmpty {
            add(
                3, "incident.disposition", Double(unjudged.count),
                "Judge \(Words.count(unjudged.count, "closed incident")) that nobody has judged.", "SOC lead",
                "precision of the rules becomes known", unjudged.map(\.id))
        }
        if report.enforcement.expired > 0 {
            add(
                3, "approval.expired", Double(report.enforcement.expired),
                "Name more approvers, or shorten the way to them: \(Words.count(report.enforcement.expired, "request")) ended without a decision.",
                "Head of platform", "people do not wait for nobody",
                report.enforcement.approvals.filter { $0.state == "expired" }.map(\.id))
        }
        if report.enforcement.mistaken > 0 {
            add(
                2, "order.mistaken", Double(report.enforcement.mistaken),
                "Look at \(Words.count(report.enforcement.mistaken, "order")) on incidents that were judged false or benign.",
                "Detection engineering", "work is not stopped for nothing",
                Set(report.enforcement.orders.filter(\.isMistaken).compactMap(\.incident)).sorted())
        }
    }

    private static func access(_ report: WeeklyReport, _ add: Add) {
        for leaver in report.access.leavers {
            add(
                1, "leaver:\(leaver.who.code)", Double(leaver.events),
                "Revoke the access of \(leaver.who.name), whose last day was \(leaver.endDate): \(Words.count(Int(clamping: leaver.events), "event")) since.",
                "Identity management", "who has left cannot take anything", [leaver.who.code])
        }
        for row in report.assets.unapprovedByConnection {
            let connection = row.connection
            add(
                2, "unapproved:\(connection)", Double(row.events),
                "Ask for approvals at the connection \(connection): \(Words.count(Int(clamping: row.events), "request")) for checkpoints, corpora or exports went through without one (\(ChartUnit.bytes.text(Double(row.bytesOut)))).",
                "Owner of \(connection)", "a second person knows of everything that leaves",
                Set(report.assets.unapproved.filter { $0.connection == connection }.map(\.who.code)).sorted())
        }
        if report.access.dormantCount > 0 {
            add(
                3, "dormant", Double(report.access.dormantCount),
                "Take back the access of \(Words.count(report.access.dormantCount, "dormant identity")).",
                "Identity management", "fewer accounts that nobody would miss",
                report.access.dormant.map(\.who.code))
        }
        if report.access.unusedCount > 0 {
            add(
                4, "unused", Double(report.access.unusedCount),
                "Take back \(Words.count(report.access.unusedCount, "kind")) of access that their holders have not used for \(ReportLimits.dormantDays) days.",
                "Identity management", "a stolen account reaches less", report.access.unused.map(\.who.code))
        }
        if report.access.sharedCount > 0 {
            add(
                2, "shared", Double(report.access.sharedCount),
                "Ask \(Words.count(report.access.sharedCount, "identity")) about sessions from several addresses at once.",
                "Identity management", "shared credentials get owners", report.access.shared.map(\.who.code))
        }
        if report.access.longSessionCount > 0 {
            add(
                4, "sessions.long", Double(report.access.longSessionCount),
                "Shorten sessions: \(Words.count(report.access.longSessionCount, "session")) lasted longer than a day.",
                "Identity management", "a stolen token ends sooner",
                Set(report.access.longSessions.map(\.who.code)).sorted())
        }
    }

    private static func operations(_ report: WeeklyReport, _ add: Add) {
        let unticketed = report.changes.list.filter {
            !$0.rules.isEmpty && $0.changeID == nil && $0.decision == "allowed"
        }
        if !unticketed.isEmpty {
            add(
                2, "changes.unticketed", Double(unticketed.count),
                "Find the reason of \(Words.count(unticketed.count, "change")) outside of a window without a change id.",
                "Change management", "no protection is weakened unseen", unticketed.map(\.event))
        }
        for rule in report.detection.noisy {
            let row = report.detection.rules.first { $0.rule == rule }
            let share = row?.falseShare.map { ", \(ChartUnit.percent.text($0 * 100)) of the judged false" } ?? ""
            add(
                3, "noisy:\(rule)", Double(row?.alerts ?? 0),
                "Tune \(rule): \(Words.count(row?.alerts ?? 0, "alert")) this week\(share).", "Detection engineering",
                "people look at what matters", [rule])
        }
        if !report.detection.silent.isEmpty {
            add(
                5, "silent", Double(report.detection.silent.count),
                "Check \(Words.count(report.detection.silent.count, "rule")) that have been silent for \(ReportLimits.weeks) weeks: run their tests, and see that their events arrive.",
                "Detection engineering", "silence means that nothing happened", report.detection.silent)
        }
        for target in report.detection.targets where target.dead > 0 {
            add(
                1, "deliveries:\(target.target)", Double(target.dead),
                "Repair the target \(target.target), then replay \(Words.count(target.dead, "delivery")) that did not arrive.",
                "SOC lead", "alerts reach people", [target.target])
        }
        if let coverage = report.header.coverage, coverage < ReportLimits.coverage {
            add(
                2, "coverage", 1 - coverage,
                "Find out why events are known of only \(ChartUnit.percent.text(coverage * 100)) of the week's hours.",
                "Head of platform", "what is not seen cannot be judged", [])
        }
        if !report.appendix.integrity.fits {
            add(
                0, "evidence", 1,
                "The evidence chain does not fit: \(report.appendix.integrity.fault ?? "see evidence verify").",
                "Head of security", "what people did can be proved", [])
        }
    }
}
