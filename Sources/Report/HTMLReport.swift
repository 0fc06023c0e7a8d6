// SPDX-License-Identifier: Apache-2.0

import Charts

/// The HTML form of a report: one file that needs nothing else, runs nothing, and prints.
struct HTMLReport {
    let document: ReportDocument
    var report: WeeklyReport { document.report }

    init(_ document: ReportDocument) { self.document = document }

    /// The whole page.
    var text: String {
        let title = "Gatewatch \(report.header.week)" + (report.header.tenant.map { " – \($0)" } ?? "")
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(Markup.escape(title))</title>
            <style>
            \(HTMLStyle.page(report))
            \(HTMLStyle.css)
            </style>
            </head>
            <body>
            <div class="report">
            \(fragment)</div>
            </body>
            </html>

            """
    }

    private static let titles = [
        "Summary", "Risk movement", "Signals", "Crown jewels", "Incidents", "Enforcement", "Access review", "Changes",
        "Detection quality", "Recommendations", "Appendix",
    ]

    /// The report without a page around it and without a style.
    var fragment: String {
        var html = HTMLWriter(document.period)
        header(&html)
        let sections = [
            summary, risk, signals, assets, incidents, enforcement, access, changes, detection, advice, appendix,
        ]
        for (index, section) in sections.enumerated() {
            // The header is the first of the twelve.
            html.raw("<section id=\"s\(index + 2)\">\n<h2>\(index + 2). \(Self.titles[index])</h2>\n")
            section(&html)
            html.raw("</section>\n")
        }
        return html.text
    }

    // MARK: Header and summary

    private func header(_ html: inout HTMLWriter) {
        let header = report.header
        let period = document.period
        html.raw("<header id=\"s1\">\n<h1>Weekly insider-risk report \(Markup.escape(header.week))")
        html.raw(
            "<span class=\"edition\">\(report.edition == .named ? "named edition" : "pseudonymous edition")</span></h1>\n"
        )
        var words = "\(period.words(header.from)) to \(period.words(header.to)), \(header.hours) hours, \(header.zone)"
        if let tenant = header.tenant { words = "\(tenant) · \(words)" }
        html.element("p", words, kind: "muted")
        if let coverage = header.coverage, coverage < ReportLimits.coverage, let note = header.notes.first {
            html.element("p", note, kind: "warning")
            html.notes(Array(header.notes.dropFirst()))
        } else {
            html.notes(header.notes)
        }
        html.cards([
            HTMLWriter.Card(
                "Hours with events", header.coverage.map { .share($0) } ?? .missing,
                header.hoursWithEvents.map { "\($0) of \(header.hours)" }),
            HTMLWriter.Card("Events read", header.eventsRead.map { .number($0) } ?? .missing),
            HTMLWriter.Card(
                "Unreadable events", header.eventsUnreadable.map { .number($0) } ?? .missing,
                "and \(Words.count(Int(clamping: header.alertsUnreadable), "alert"))"),
            HTMLWriter.Card(
                "Late events", header.eventsLate.map { .number($0) } ?? .missing, "by more than a minute"),
            HTMLWriter.Card("Rules in force", header.rules, header.ruleSetHash.map { "rule set \($0.prefix(12))" }),
            HTMLWriter.Card(
                "Data until", .text(header.dataUntil.map { String(period.words($0).suffix(5)) } ?? "no data"),
                header.dataUntil.map { String(period.words($0).dropLast(6)) }),
        ])
        if let gap = header.gaps.first {
            html.element(
                "p",
                "Longest stretch without events: \(Words.count(gap.hours, "hour")) from \(period.words(gap.from)); \(Words.count(header.gaps.count, "stretch")) in all.",
                kind: "note")
        }
        html.raw("<nav aria-label=\"Sections\"><ol start=\"2\">")
        for (index, title) in Self.titles.enumerated() {
            html.raw("<li><a href=\"#s\(index + 2)\">\(title)</a></li>")
        }
        html.raw("</ol></nav>\n</header>\n")
    }

    private func summary(_ html: inout HTMLWriter) {
        html.raw("<ol class=\"lines\">\n")
        for line in report.summary.lines { html.element("li", line) }
        html.raw("</ol>\n")
        let summary = report.summary
        html.cards([
            HTMLWriter.Card("Incidents opened", summary.opened, "\(summary.openedBefore) the week before"),
            HTMLWriter.Card("Incidents closed", summary.closed, "\(summary.closedBefore) the week before"),
            HTMLWriter.Card("Open at the end", summary.openAtEnd),
            HTMLWriter.Card("Identities at high risk", highNow, "\(highBefore) the week before"),
            HTMLWriter.Card(
                "Bytes out", report.signals.bytesOut.map { .bytes(Int64($0.week)) } ?? .missing,
                report.signals.bytesOut.map { "\(ChartUnit.bytes.text($0.before)) the week before" }),
            HTMLWriter.Card("Actions recommended", report.recommendations.count),
        ])
        html.raw("<div class=\"charts\"><div>\n")
        let urgent = report.recommendations.prefix(5)
        html.table(
            ReportTable(
                id: "urgent", title: "Most urgent", columns: ["What", "Owner"],
                rows: urgent.map { [.text($0.text), .text($0.owner)] }, total: report.recommendations.count),
            empty: "Nothing needs to be done by what is recorded")
        html.raw("</div><div>\n")
        html.table(report.headerTables[1])
        html.raw("</div></div>\n<div class=\"charts board\">\n")
        html.figure("Identities by level of risk", bandWords, bands("board-risk"))
        if let volume = report.signals.bytesOut {
            html.figure("Bytes out per day", words(volume, .bytes), chart(volume, "board-bytes", "Bytes out", .bytes))
        }
        html.raw("</div>\n")
    }

    private var highNow: Int { high(report.risk.weeks.count - 1) }
    private var highBefore: Int { high(report.risk.weeks.count - 2) }

    private func high(_ week: Int) -> Int {
        report.risk.bands.filter { ["high", "critical"].contains($0.level) && $0.counts.indices.contains(week) }
            .reduce(0) { $0 + $1.counts[week] }
    }

    // MARK: Risk and signals

    private func risk(_ html: inout HTMLWriter) {
        let risk = report.risk
        html.notes(risk.notes)
        let tables = report.riskTables
        html.raw("<div class=\"charts\">\n")
        html.figure("Identities by level of risk, at the end of each week", bandWords, bands("risk-bands"))
        html.raw("<div>")
        html.table(tables[0])
        html.raw("</div></div>\n")
        html.table(tables[1], empty: "Nobody")
        html.raw("<div class=\"charts\"><div>")
        let hidden: Set = ["Role", "Peer group", "Made up of"]
        html.table(tables[2], empty: "Nobody's risk rose", without: hidden)
        html.raw("</div><div>")
        html.table(tables[3], empty: "Nobody's risk fell", without: hidden)
        html.raw("</div></div>\n")
    }

    private func bands(_ id: String) -> StackedBars {
        StackedBars(
            ChartCaption(
                id: id, title: "Identities by level of risk per week",
                summary: "Stacked bars, one per week. \(bandWords)"),
            unit: .count, names: report.risk.weeks.map { String($0.suffix(3)) },
            parts: report.risk.bands.map { ($0.level, $0.counts.map(Double.init)) }, palette: .risk)
    }

    private var bandWords: String {
        let last = report.risk.weeks.count - 1
        func all(_ week: Int) -> Int {
            report.risk.bands.reduce(0) { $0 + ($1.counts.indices.contains(week) ? $1.counts[week] : 0) }
        }
        return
            "\(Words.count(all(last), "identity").capitalizedFirst) at risk at the end of the week, \(highNow) of them high or critical; the week before \(all(last - 1)) and \(highBefore)."
    }

    /// The hour with the most alerts.
    private var heatWords: String {
        let names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
        let cells = zip(names, report.signals.heat).flatMap { day, hours in
            hours.enumerated().map { (day: day, hour: $0.offset, alerts: $0.element) }
        }
        // Of several the first.
        guard let most = cells.max(by: { $0.alerts < $1.alerts }), most.alerts > 0 else {
            return "No alert in the week."
        }
        return
            "\(Words.count(report.signals.alerts, "alert").capitalizedFirst) in the week, the most on \(most.day) from \(most.hour):00: \(most.alerts)."
    }

    /// The week's sum, and the days that deviate.
    private func words(_ volume: Volume, _ unit: ChartUnit) -> String {
        let deviating = zip(volume.values, volume.limit).suffix(7).count { value, limit in
            limit.map { value >= $0 } ?? false
        }
        let isLearning = volume.limit.suffix(7).contains { $0 == nil }
        return
            "\(unit.text(volume.week)) this week, \(unit.text(volume.before)) the week before (\(Words.change(volume.week, volume.before))); "
            + (isLearning
                ? "what is usual is still being learned."
                : "\(Words.count(deviating, "day")) of the week above the limit.")
    }

    private func signals(_ html: inout HTMLWriter) {
        let signals = report.signals
        html.notes(signals.notes)
        html.table(report.signalTables[0])
        html.figure(
            "Alerts by weekday and hour, \(report.header.zone)", heatWords,
            HeatMap.week(
                ChartCaption(
                    id: "signals-heat", title: "Alerts by weekday and hour",
                    summary: "Each cell is an hour of the week in \(report.header.zone), with its number of alerts."),
                cells: signals.heat.map { $0.map(Double.init) }), isWide: true)
        html.raw("<div class=\"charts\">\n")
        if let volume = signals.bytesOut {
            html.figure(
                "Bytes out per day, and what was usual", words(volume, .bytes),
                chart(volume, "bytes-out", "Bytes out", .bytes))
        }
        if let volume = signals.vectorsOut {
            html.figure(
                "Vectors out per day, and what was usual", words(volume, .count),
                chart(volume, "vectors-out", "Vectors out", .count))
        }
        html.raw("</div>\n")
    }

    private func chart(_ volume: Volume, _ id: String, _ name: String, _ unit: ChartUnit) -> LineChart {
        // Dates of the zone, drawn as if they were UTC's.
        let last = document.period.days.upperBound
        let times = volume.days.indices.map { (last - Int64(volume.days.count - $0)) * 86_400_000 }
        let isKnown = volume.high.contains { $0 != nil }
        return LineChart(
            ChartCaption(
                id: id, title: "\(name) per day",
                summary:
                    "The last \(volume.days.count) days; days that deviate are marked. This week: \(unit.text(volume.week)), the week before: \(unit.text(volume.before))."
            ),
            unit: unit, times: times, series: [.init(name, volume.values.map { $0 })],
            band: isKnown
                ? .init(low: volume.low, high: volume.high, expected: volume.expected, limit: volume.limit)
                : nil)
    }

    private typealias Volume = WeeklyReport.Volume

    private func assets(_ html: inout HTMLWriter) {
        html.notes(report.assets.notes)
        for table in report.assetTables { html.table(table) }
    }
}
