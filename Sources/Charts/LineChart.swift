// SPDX-License-Identifier: Apache-2.0

/// Values over time as lines, with the range that was usual behind them.
package struct LineChart: Chart {
    /// One line.
    package struct Series: Sendable, Hashable {
        package var name: String
        /// One per time of the chart; nil where nothing is known, which is a gap.
        package var values: [Double?]

        package init(_ name: String, _ values: [Double?]) {
            self.name = name
            self.values = values
        }
    }

    /// What was usual; a point is nil where too little was known.
    package struct Band: Sendable, Hashable {
        package var low: [Double?]
        package var high: [Double?]
        /// Drawn as a thin line; may be empty.
        package var expected: [Double?]
        /// Values of the first series from here on are marked; may be empty: then those above `high` are.
        package var limit: [Double?]
        package var name: String

        package init(
            low: [Double?], high: [Double?], expected: [Double?] = [], limit: [Double?] = [],
            name: String = "usual range"
        ) {
            self.low = low
            self.high = high
            self.expected = expected
            self.limit = limit
            self.name = name
        }
    }

    package var caption: ChartCaption
    package var unit: ChartUnit
    /// ms since the epoch, UTC, ascending.
    package var times: [Int64]
    package var series: [Series]
    package var band: Band?
    package var size: ChartSize
    /// Points that stand out of the band get a larger dot of their own colour.
    package var marksOutside: Bool

    package init(
        _ caption: ChartCaption, unit: ChartUnit, times: [Int64], series: [Series], band: Band? = nil,
        size: ChartSize = ChartSize(560, 220), marksOutside: Bool = true
    ) {
        self.caption = caption
        self.unit = unit
        self.times = times
        self.series = series
        self.band = band
        self.size = size
        self.marksOutside = marksOutside
    }

    private static let dashes = ["", "6 3", "2 3", "8 3 2 3", "1 2", "12 4"]

    package func svg() throws(ChartError) -> String {
        try check()
        let all = series.flatMap(\.values) + (band.map { $0.low + $0.high + $0.expected } ?? [])
        let known = all.compactMap(\.self)
        guard !known.isEmpty, let first = times.first, let last = times.last else {
            return SVGWriter.empty(caption, width: size.width, kind: "line")
        }
        let names = series.enumerated().map { LegendEntry($1.name, kind: "line-\($0 % 6 + 1)", dash: dash($0)) }
        let bandName = band.map { [LegendEntry($0.name, kind: "band", isArea: true)] } ?? []
        let legend = series.count + bandName.count > 1 ? Legend(names + bandName, width: size.width) : nil
        let plot = PlotArea(
            size: size, values: Axis(known, unit: unit), unit: unit, top: legend?.height ?? 0)
        // One point stands in the middle.
        let margin = first == last ? Int64(43_200_000) : 0
        let time = TimeAxis(from: first - margin, to: last + margin, wanted: max(2, Int(plot.width / 64)))
        var svg = SVGWriter(caption, size, kind: "line")
        legend?.draw(in: &svg)
        plot.drawGrid(in: &svg)
        plot.drawTimes(time, in: &svg)
        let xs = times.map { plot.left + time.share($0) * plot.width }
        if let band { draw(band, xs, plot, in: &svg) }
        for (index, line) in series.enumerated() { draw(line, index, xs, plot, in: &svg) }
        return svg.finished()
    }

    private func check() throws(ChartError) {
        guard series.count <= 100 else { throw .tooMany(caption.title, limit: 100) }
        func check(_ values: [Double?], _ name: String) throws(ChartError) {
            guard values.count == times.count else {
                throw .uneven(name, expected: times.count, found: values.count)
            }
            try ChartError.check(values, name)
        }
        for line in series { try check(line.values, line.name) }
        if let band {
            try check(band.low, band.name)
            try check(band.high, band.name)
            if !band.expected.isEmpty { try check(band.expected, band.name) }
            if !band.limit.isEmpty { try check(band.limit, band.name) }
        }
    }

    private func dash(_ index: Int) -> String { Self.dashes[index % Self.dashes.count] }

    private func draw(_ band: Band, _ xs: [Double], _ plot: PlotArea, in svg: inout SVGWriter) {
        for run in Self.runs(zip(band.low, band.high).map { $0 != nil && $1 != nil }) {
            let upper = run.map { point(xs[$0], plot.y(band.high[$0] ?? 0)) }
            let lower = run.reversed().map { point(xs[$0], plot.y(band.low[$0] ?? 0)) }
            // A band of one point would have no area.
            guard run.count > 1 else {
                svg.rectangle(
                    xs[run.lowerBound] - 4, plot.y(band.high[run.lowerBound] ?? 0), 8,
                    plot.y(band.low[run.lowerBound] ?? 0) - plot.y(band.high[run.lowerBound] ?? 0), kind: "band",
                    opacity: "0.15")
                continue
            }
            svg.element(
                "polygon",
                [
                    "class": "band", "fill": "currentColor", "fill-opacity": "0.15",
                    "points": (upper + lower).joined(separator: " "),
                ])
        }
        guard !band.expected.isEmpty else { return }
        for run in Self.runs(band.expected.map { $0 != nil }) where run.count > 1 {
            svg.element(
                "polyline",
                [
                    "class": "expected", "fill": "none", "stroke": "currentColor", "stroke-opacity": "0.5",
                    "stroke-dasharray": "3 3",
                    "points": run.map { point(xs[$0], plot.y(band.expected[$0] ?? 0)) }.joined(separator: " "),
                ])
        }
    }

    private func draw(_ line: Series, _ index: Int, _ xs: [Double], _ plot: PlotArea, in svg: inout SVGWriter) {
        for run in Self.runs(line.values.map { $0 != nil }) where run.count > 1 {
            svg.element(
                "polyline",
                [
                    "class": "line-\(index % 6 + 1)", "fill": "none", "stroke": "currentColor", "stroke-width": "2",
                    "stroke-linejoin": "round", "stroke-dasharray": dash(index),
                    "points": run.map { point(xs[$0], plot.y(line.values[$0] ?? 0)) }.joined(separator: " "),
                ])
        }
        // Dots where there is room to point at them.
        let hasDots = xs.count <= 62
        for (place, value) in line.values.enumerated() {
            guard let value else { continue }
            let high = band?.high[place]
            let isOutside = marksOutside && index == 0 && isMarked(value, place)
            guard hasDots || isOutside else { continue }
            var words = "\(DateText.minute(times[place])) UTC, \(line.name): \(unit.text(value))"
            if let low = band?.low[place], let high { words += " (usual \(unit.text(low))–\(unit.text(high)))" }
            svg.element(
                "circle",
                [
                    "class": isOutside ? "mark" : "fill-\(index % 6 + 1)", "cx": SVGWriter.number(xs[place]),
                    "cy": SVGWriter.number(plot.y(value)), "r": isOutside ? "5" : "2.5", "fill": "currentColor",
                ], tip: words)
        }
    }

    private func isMarked(_ value: Double, _ place: Int) -> Bool {
        guard let band else { return false }
        if !band.limit.isEmpty { return band.limit[place].map { value >= $0 } ?? false }
        return band.high[place].map { value > $0 } ?? false
    }

    private func point(_ x: Double, _ y: Double) -> String { "\(SVGWriter.number(x)),\(SVGWriter.number(y))" }

    /// Stretches that are true.
    static func runs(_ flags: [Bool]) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var start: Int?
        for (index, flag) in flags.enumerated() {
            if flag {
                start = start ?? index
            } else if let from = start {
                runs.append(from..<index)
                start = nil
            }
        }
        if let from = start { runs.append(from..<flags.count) }
        return runs
    }
}
