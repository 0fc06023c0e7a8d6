// SPDX-License-Identifier: Apache-2.0

/// Parts of a whole, one bar per name.
package struct StackedBars: Chart {
    /// How the parts are coloured.
    package enum Palette: Sendable, Hashable {
        /// Things of different kinds.
        case categories
        /// info, low, medium, high, critical, in this order.
        case risk
    }

    package var caption: ChartCaption
    package var unit: ChartUnit
    /// Of the bars, left to right.
    package var names: [String]
    /// Of the parts, from the bottom up, with one value per bar, 0 or more.
    package var parts: [(name: String, values: [Double])]
    package var palette: Palette
    package var size: ChartSize

    package init(
        _ caption: ChartCaption, unit: ChartUnit, names: [String], parts: [(name: String, values: [Double])],
        palette: Palette = .categories, size: ChartSize = ChartSize(560, 220)
    ) {
        self.caption = caption
        self.unit = unit
        self.names = names
        self.parts = parts
        self.palette = palette
        self.size = size
    }

    /// Classes of the risk palette.
    private static let levels = ["info", "low", "medium", "high", "critical"]

    package func svg() throws(ChartError) -> String {
        for part in parts {
            guard part.values.count == names.count else {
                throw .uneven(part.name, expected: names.count, found: part.values.count)
            }
            try ChartError.check(part.values, part.name, negative: false)
        }
        guard parts.count <= 100 else { throw .tooMany(caption.title, limit: 100) }
        guard !names.isEmpty, !parts.isEmpty else {
            return SVGWriter.empty(caption, width: size.width, kind: "bars")
        }
        let legend =
            parts.count > 1
            ? Legend(
                parts.indices.map {
                    LegendEntry(parts[$0].name, kind: kind($0), isArea: true, opacity: opacity($0))
                }, width: size.width) : nil
        let sums = names.indices.map { bar in parts.reduce(0) { $0 + $1.values[bar] } }
        let plot = PlotArea(size: size, values: Axis(sums, unit: unit), unit: unit, top: legend?.height ?? 0)
        var svg = SVGWriter(caption, size, kind: "bars")
        legend?.draw(in: &svg)
        plot.drawGrid(in: &svg)
        plot.drawNames(names, in: &svg)
        let slot = plot.width / Double(names.count)
        let width = min(slot * 0.72, 56)
        for (bar, name) in names.enumerated() {
            let x = plot.left + (Double(bar) + 0.5) * slot - width / 2
            var below = 0.0
            for (index, part) in parts.enumerated() where part.values[bar] > 0 {
                let top = plot.y(below + part.values[bar])
                svg.rectangle(
                    x, top, width, plot.y(below) - top, kind: kind(index), opacity: opacity(index),
                    tip: "\(name), \(part.name): \(unit.text(part.values[bar]))")
                below += part.values[bar]
            }
        }
        return svg.finished()
    }

    private func kind(_ index: Int) -> String {
        switch palette {
        case .categories: "fill-\(index % 6 + 1)"
        case .risk: "risk-\(Self.levels[min(index, Self.levels.count - 1)])"
        }
    }

    /// Without a style the parts differ by how dark they are.
    private func opacity(_ index: Int) -> String {
        NumberText.fixed(Double(index + 1) / Double(max(parts.count, 1)), 2)
    }
}
