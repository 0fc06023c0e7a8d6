// SPDX-License-Identifier: Apache-2.0

import Charts

/// Writes HTML. Texts are escaped; only ``raw(_:)`` takes what is HTML already.
struct HTMLWriter {
    private(set) var text = ""
    private let period: ReportPeriod
    private var sparklines = 0

    init(_ period: ReportPeriod) { self.period = period }

    mutating func raw(_ html: String) { text += html }

    mutating func element(_ name: String, _ content: String, kind: String = "") {
        text += "<\(name)\(kind.isEmpty ? "" : " class=\"\(kind)\"")>\(Markup.escape(content))</\(name)>\n"
    }

    /// Notes of a section: what was not recorded, and how things are counted.
    mutating func notes(_ notes: [String]) {
        for note in notes { element("p", note, kind: "note") }
    }

    /// A chart, and what it shows in a sentence with its number.
    mutating func figure(_ title: String, _ sentence: String, _ chart: some Chart, isWide: Bool = false) {
        do {
            let svg = try chart.svg()
            text +=
                "<figure><figcaption>\(Markup.escape(title))<span>\(Markup.escape(sentence))</span></figcaption>"
            text += "<div class=\"scroll\(isWide ? " wide" : "")\">"
            text += svg + "</div></figure>\n"
        } catch {
            // Its numbers are in the tables all the same.
            element("p", "\(title): cannot be drawn, \(error).", kind: "note")
        }
    }

    /// On paper a table of so many lines stays together.
    private static let shortTable = 14

    /// A table with its title; one without rows says so in a word.
    mutating func table(_ table: ReportTable, empty: String = "none", without hidden: Set<String> = []) {
        text += "<h3>\(Markup.escape(table.title))"
        if let total = table.total, total > table.rows.count {
            text += " <span class=\"muted\">(\(table.rows.count) of \(NumberText.grouped(Int64(total))))</span>"
        }
        text += "</h3>\n"
        guard !table.rows.isEmpty else { return element("p", "\(empty).", kind: "muted") }
        // A column of which nothing is known is left out.
        let columns = table.columns.indices.filter { column in
            !hidden.contains(table.columns[column])
                && !table.rows.allSatisfy { row in if case .missing = row[column] { true } else { false } }
        }
        text +=
            "<div class=\"scroll\"><table class=\"\(columns.count <= 4 ? "narrow" : "")\(isShort(table) ? " short" : "")\"><thead><tr>"
        for column in columns {
            let isNumber = table.rows.allSatisfy { row in
                if case .missing = row[column] { true } else { row[column].isNumber }
            }
            text += "<th scope=\"col\"\(isNumber ? " class=\"n\"" : "")>\(Markup.escape(table.columns[column]))</th>"
        }
        text += "</tr></thead><tbody>\n"
        for row in table.rows {
            text += "<tr>"
            for column in columns { cell(row[column]) }
            text += "</tr>\n"
        }
        text += "</tbody></table></div>\n"
    }

    private func isShort(_ table: ReportTable) -> Bool {
        let lines = table.rows.prefix(Self.shortTable + 1).reduce(0) { lines, row in
            lines + 1 + (row.map { Self.words($0).count / 40 }.max() ?? 0)
        }
        return lines <= Self.shortTable
    }

    private mutating func cell(_ cell: ReportTable.Cell) {
        switch cell {
        case .text(let value): text += "<td\(value.count > 40 ? " class=\"long\"" : "")>\(Markup.escape(value))</td>"
        case .code(let value):
            // Short ones are copied whole; long ones may break anywhere.
            text +=
                "<td class=\"\(value.count <= 24 ? "t" : value.count <= 36 ? "id" : "long")\"><code>\(Markup.escape(value))</code></td>"
        case .level(let value): text += "<td>\(Self.level(value))</td>"
        case .time(let value): text += "<td class=\"t\">\(period.words(value))</td>"
        case .series(let values, let top):
            sparklines += 1
            let chart = Sparkline(
                ChartCaption(id: "spark-\(sparklines)", title: "by week"), unit: .number, values: values.map { $0 },
                top: top)
            text += "<td>\((try? chart.svg()) ?? "–")</td>"
        case .missing: text += "<td class=\"muted\">not recorded</td>"
        case .unknown(let word): text += "<td class=\"n muted\">\(Markup.escape(word))</td>"
        case .number, .decimal, .signed, .bytes, .share, .duration:
            text += "<td class=\"n\">\(Markup.escape(Self.words(cell)))</td>"
        }
    }

    /// A level by its word, and by a box that is the darker the higher it is.
    static func level(_ level: String) -> String {
        let known = ["low", "medium", "high", "critical", "fatal"].contains(level) ? level : "info"
        return "<span class=\"level level-\(known)\">\(Markup.escape(level))</span>"
    }

    /// A number as people read it.
    static func words(_ cell: ReportTable.Cell) -> String {
        switch cell {
        case .number(let value): NumberText.grouped(value)
        case .decimal(let value, let decimals): NumberText.fixed(value, decimals)
        case .signed(let value): Words.signed(value)
        case .bytes(let value): ChartUnit.bytes.text(Double(value))
        case .share(let value): ChartUnit.percent.text(value * 100)
        case .duration(let value): Words.duration(value)
        case .text(let value), .code(let value), .level(let value): value
        case .missing: "not recorded"
        case .unknown(let word): word
        case .time, .series: ""
        }
    }

    /// A single number, what it is, and a word to it.
    struct Card {
        let name: String
        let value: ReportTable.Cell
        let was: String?

        init(_ name: String, _ value: ReportTable.Cell, _ was: String? = nil) {
            self.name = name
            self.value = value
            self.was = was
        }

        init(_ name: String, _ value: Int, _ was: String? = nil) { self.init(name, .number(Int64(value)), was) }
    }

    mutating func cards(_ cards: [Card]) {
        text += "<dl class=\"cards\">"
        for card in cards {
            text +=
                "<div class=\"card\"><dt>\(Markup.escape(card.name))</dt><dd>\(Markup.escape(Self.words(card.value)))"
            if let was = card.was { text += "<span class=\"was\">\(Markup.escape(was))</span>" }
            text += "</dd></div>"
        }
        text += "</dl>\n"
    }
}
