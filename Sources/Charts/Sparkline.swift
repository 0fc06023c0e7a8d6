// SPDX-License-Identifier: Apache-2.0

/// A line as high as a line of text: how a number moved. Its title says the numbers.
package struct Sparkline: Chart {
    package var caption: ChartCaption
    package var unit: ChartUnit
    /// Oldest first; nil where nothing is known.
    package var values: [Double?]
    /// The highest value of the scale, so that several can be compared; nil for the highest of these.
    package var top: Double?
    package var size: ChartSize

    package init(
        _ caption: ChartCaption, unit: ChartUnit = .count, values: [Double?], top: Double? = nil,
        size: ChartSize = ChartSize(120, 24)
    ) {
        self.caption = caption
        self.unit = unit
        self.values = values
        self.top = top
        self.size = size
    }

    package func svg() throws(ChartError) -> String {
        try ChartError.check(values + [top], caption.title)
        let words = values.map { $0.map(unit.text) ?? "–" }.joined(separator: ", ")
        var caption = caption
        caption.title += values.isEmpty ? ": no data" : ": \(words)"
        var svg = SVGWriter(caption, size, kind: "spark")
        let known = values.compactMap(\.self)
        guard !known.isEmpty else { return svg.finished() }
        let least = min(known.min() ?? 0, 0)
        let most = max(top ?? 0, known.max() ?? 0, least + 1e-9)
        let (width, height) = (Double(size.width), Double(size.height))
        func x(_ index: Int) -> Double {
            values.count == 1 ? width / 2 : 4 + (width - 8) * Double(index) / Double(values.count - 1)
        }
        func y(_ value: Double) -> Double { height - 3 - (height - 6) * (value - least) / (most - least) }
        svg.line(2, y(0), width - 2, y(0), kind: "grid", opacity: "0.25")
        for run in LineChart.runs(values.map { $0 != nil }) where run.count > 1 {
            let points = run.map { "\(SVGWriter.number(x($0))),\(SVGWriter.number(y(values[$0] ?? 0)))" }
            svg.element(
                "polyline",
                [
                    "class": "line-1", "fill": "none", "stroke": "currentColor", "stroke-width": "1.5",
                    "stroke-linejoin": "round", "points": points.joined(separator: " "),
                ])
        }
        if let last = values.lastIndex(where: { $0 != nil }), let value = values[last] {
            svg.element(
                "circle",
                [
                    "class": "fill-1", "cx": SVGWriter.number(x(last)), "cy": SVGWriter.number(y(value)), "r": "2.5",
                    "fill": "currentColor",
                ])
        }
        return svg.finished()
    }
}
