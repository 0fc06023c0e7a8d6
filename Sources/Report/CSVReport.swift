// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// The tables of a report as CSV (RFC 4180). Numbers are plain, times ISO 8601 in UTC, durations ms, shares 0 to 1.
struct CSVReport {
    private let tables: [ReportTable]

    init(_ report: WeeklyReport) {
        let figures = ReportTable(
            id: "figures", title: "Figures", columns: ["Figure", "Value"],
            rows: report.figures.map { [.text($0.name), $0.cell] })
        tables = [figures] + report.tables
    }

    /// One file per table.
    var files: [(name: String, text: String)] {
        tables.map { table in
            let rows = [table.columns.map(Self.field)] + table.rows.map { $0.map(Self.field) }
            return ("\(table.id).csv", rows.map { $0.joined(separator: ",") + "\r\n" }.joined())
        }
    }

    /// All in one file, a line per cell: table, row, column, value. Every line has the same four fields, which programs can pivot.
    var single: String {
        var text = "table,row,column,value\r\n"
        for table in tables {
            for (number, row) in table.rows.enumerated() {
                for (column, cell) in zip(table.columns, row) {
                    text += "\(table.id),\(number + 1),\(Self.field(column)),\(Self.field(cell))\r\n"
                }
            }
        }
        return text
    }

    private static func field(_ cell: ReportTable.Cell) -> String {
        switch cell {
        case .text(let text), .code(let text), .level(let text): field(text)
        case .number(let value), .bytes(let value): String(value)
        case .decimal(let value, let decimals): ReportTable.plain(value, decimals)
        case .signed(let value): ReportTable.plain(value, 1)
        case .share(let value): ReportTable.plain(value, 4)
        case .duration(let value): ReportTable.plain(value, 0)
        case .time(let value): Timestamp.iso8601(value)
        case .series(let values, _): field(values.map { ReportTable.plain($0, 1) }.joined(separator: ";"))
        case .missing, .unknown: ""
        }
    }

    /// A text that a spreadsheet would take for a formula begins with an apostrophe (OWASP, CSV Injection).
    static func field(_ text: String) -> String {
        var text = text
        if let first = text.unicodeScalars.first,
            "=+-@\t\r\n\u{FF1D}\u{FF0B}\u{FF0D}\u{FF20}".unicodeScalars.contains(first)
        {
            text = "'" + text
        }
        guard text.utf8.contains(where: { [0x22, 0x2C, 0x0A, 0x0D].contains($0) }) || text.first == "'" else {
            return text
        }
        // By scalars: to a String, a quote with an accent on it is another character.
        let doubled = text.unicodeScalars.flatMap { $0 == "\"" ? [$0, $0] : [$0] }
        return "\"" + String(String.UnicodeScalarView(doubled)) + "\""
    }
}
