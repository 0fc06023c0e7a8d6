// SPDX-License-Identifier: Apache-2.0

/// Counts in rows and columns: 7 weekdays × 24 hours. Each cell says its number, and is the darker the higher it is.
package struct HeatMap: Chart {
    package var caption: ChartCaption
    package var unit: ChartUnit
    package var rows: [String]
    package var columns: [String]
    /// `cells[row][column]`, 0 or more.
    package var cells: [[Double]]
    package var size: ChartSize

    package init(
        _ caption: ChartCaption, unit: ChartUnit = .count, rows: [String], columns: [String], cells: [[Double]],
        size: ChartSize = ChartSize(640, 212)
    ) {
        self.caption = caption
        self.unit = unit
        self.rows = rows
        self.columns = columns
        self.cells = cells
        self.size = size
    }

    /// Monday to Sunday by hours; `cells[0][0]` is Monday at midnight.
    package static func week(_ caption: ChartCaption, unit: ChartUnit = .count, cells: [[Double]]) -> HeatMap {
        HeatMap(
            caption, unit: unit, rows: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
            columns: (0..<24).map { $0 < 10 ? "0\($0)" : "\($0)" }, cells: cells)
    }

    /// Shades above that of nothing.
    private static let shades = 5

    package func svg() throws(ChartError) -> String {
        guard cells.count == rows.count else {
            throw .uneven(caption.title, expected: rows.count, found: cells.count)
        }
        guard rows.count * columns.count <= ChartError.limit else {
            throw .tooMany(caption.title, limit: ChartError.limit)
        }
        for (row, values) in zip(rows, cells) {
            guard values.count == columns.count else {
                throw .uneven(row, expected: columns.count, found: values.count)
            }
            try ChartError.check(values, row, negative: false)
        }
        guard !rows.isEmpty, !columns.isEmpty else {
            return SVGWriter.empty(caption, width: size.width, kind: "heat")
        }
        var svg = SVGWriter(caption, size, kind: "heat")
        let left = ((rows.map(SVGWriter.width).max() ?? 0) + 16).rounded()
        let width = (Double(size.width) - left) / Double(columns.count)
        let top = 18.0
        let height = (Double(size.height) - top) / Double(rows.count)
        let widest = columns.map(SVGWriter.width).max() ?? 0
        let every = max(1, Int(((widest + 2) / width).rounded(.up)))
        for (column, name) in columns.enumerated() where column % every == 0 {
            svg.label(name, left + (Double(column) + 0.5) * width, 12, anchor: "middle")
        }
        let most = cells.joined().max() ?? 0
        for (row, values) in cells.enumerated() {
            let y = top + Double(row) * height
            svg.label(rows[row], left - 6, y + height / 2 + 4, anchor: "end")
            for (column, value) in values.enumerated() {
                let shade = shade(value, most)
                let x = left + Double(column) * width
                svg.rectangle(
                    x, y, width - 1.5, height - 1.5, kind: "heat-\(shade)",
                    opacity: NumberText.fixed(0.05 + 0.13 * Double(shade), 2),
                    tip: value > 0 ? "\(rows[row]) \(columns[column]): \(unit.text(value))" : nil)
                let text = unit.text(value)
                guard value > 0, SVGWriter.width(text) <= width + 2 else { continue }
                svg.label(
                    text, x + (width - 1.5) / 2, y + height / 2 + 4, anchor: "middle", kind: "ink-\(shade)")
            }
        }
        return svg.finished()
    }

    /// 0 for nothing; else by the square root of the share, so that one hour of a thousand does not make all others pale.
    private func shade(_ value: Double, _ most: Double) -> Int {
        guard value > 0, most > 0 else { return 0 }
        return min(Self.shades, Int(((value / most).squareRoot() * Double(Self.shades)).rounded(.up)))
    }
}
