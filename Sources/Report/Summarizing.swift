// SPDX-License-Identifier: Apache-2.0

import Charts

/// The five sentences at the head of a report.
enum Summarizing {
    static func fill(_ report: inout WeeklyReport, period: ReportPeriod) {
        report.summary.lines = [
            incidents(report), life(report), change(report), risk(report), actions(report),
        ]
    }

    private static func incidents(_ report: WeeklyReport) -> String {
        let summary = report.summary
        guard summary.opened > 0 else {
            return "No incident was opened this week; it was \(summary.openedBefore) the week before."
        }
        let parts = summary.incidentsBySeverity.filter { $0.opened > 0 }.map { "\($0.opened) \($0.severity)" }
        return
            "\(Words.count(summary.opened, "incident").capitalizedFirst) opened this week (\(Words.list(parts))); it was \(summary.openedBefore) the week before."
    }

    private static func life(_ report: WeeklyReport) -> String {
        let summary = report.summary
        return
            "\(Words.count(summary.closed, "incident").capitalizedFirst) closed (\(summary.closedBefore) the week before); \(Words.count(summary.openAtEnd, "incident")) open at its end."
    }

    private static func change(_ report: WeeklyReport) -> String {
        var words: String
        if let riser = report.risk.risers.first {
            words =
                "The largest change is \(riser.who.name): risk \(NumberText.fixed(riser.score, 1)) (\(riser.level)), \(Words.signed(riser.delta)) in the week"
            if let term = riser.terms.first { words += ", most of it from \(term.rule)" }
            words += "."
        } else {
            words = "Nobody's risk rose."
        }
        if let bytes = report.signals.bytesOut {
            words +=
                " \(ChartUnit.bytes.text(bytes.week)) went out (the week before \(ChartUnit.bytes.text(bytes.before)), \(Words.change(bytes.week, bytes.before)))."
        }
        return words
    }

    private static func risk(_ report: WeeklyReport) -> String {
        guard let top = report.risk.top.first else {
            return "Nobody is at risk by what is recorded."
        }
        var words = "The biggest risk is \(top.who.name) with \(NumberText.fixed(top.score, 1)) points (\(top.level))"
        let grave = report.risk.top.count { $0.score >= ReportLimits.highScore }
        words += "; \(Words.count(grave, "identity")) at high risk or above."
        if report.assets.unapprovedTotal > 0 {
            words +=
                " \(Words.count(Int(clamping: report.assets.unapprovedTotal), "request").capitalizedFirst) for checkpoints, corpora or exports went through without an approval."
        }
        return words
    }

    private static func actions(_ report: WeeklyReport) -> String {
        let urgent = report.recommendations.filter { $0.rank <= 3 }
        guard let first = urgent.first else { return "Nothing needs to be done by what is recorded." }
        let undone = report.carriedOver.count { !$0.isDone }
        var words = "\(Words.count(report.recommendations.count, "action").capitalizedFirst) recommended"
        if !report.carriedOver.isEmpty {
            words += undone == 0 ? ", none of them left from last week" : ", \(undone) of them left from last week"
        }
        return words + ". First: \(first.text)"
    }
}

extension String {
    /// For the beginning of a sentence.
    var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
