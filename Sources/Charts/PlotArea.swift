// SPDX-License-Identifier: Apache-2.0

/// The rectangle inside a picture in which values lie, with what stands around it.
struct PlotArea {
    let left: Double
    let top: Double
    let width: Double
    let height: Double
    let values: Axis
    private let unit: ChartUnit

    init(size: ChartSize, values: Axis, unit: ChartUnit, top: Double) {
        self.values = values
        self.unit = unit
        // Ticks' texts stand to the left.
        let widest = values.ticks.map { SVGWriter.width(unit.text($0)) }.max() ?? 0
        left = (widest + 10).rounded()
        self.top = top + 8
        width = max(Double(size.width) - left - 14, 10)
        height = max(Double(size.height) - self.top - 22, 10)
    }

    var bottom: Double { top + height }
    var right: Double { left + width }

    func y(_ value: Double) -> Double { bottom - values.share(value) * height }

    func drawGrid(in svg: inout SVGWriter) {
        for tick in values.ticks {
            svg.line(left, y(tick), right, y(tick), kind: tick == 0 ? "axis" : "grid", opacity: "0.25")
            svg.label(unit.text(tick), left - 6, y(tick) + 4, anchor: "end")
        }
    }

    func drawTimes(_ time: TimeAxis, in svg: inout SVGWriter) {
        var free = -Double.infinity
        for tick in time.ticks {
            let x = left + time.share(tick.at) * width
            svg.line(x, bottom, x, bottom + 4, kind: "axis", opacity: "0.5")
            let half = SVGWriter.width(tick.text) / 2
            // A text at the edge stays in the picture.
            let middle = max(min(x, right + 14 - half), half)
            guard middle - half > free else { continue }
            svg.label(tick.text, middle, bottom + 16, anchor: "middle")
            free = middle + half + 6
        }
    }

    /// Names under bars, as many as there is room for.
    func drawNames(_ names: [String], in svg: inout SVGWriter) {
        guard !names.isEmpty else { return }
        let slot = width / Double(names.count)
        let widest = names.map(SVGWriter.width).max() ?? 0
        let every = max(1, Int(((widest + 6) / slot).rounded(.up)))
        // The last one, the latest, always has its name.
        for (index, name) in names.enumerated() where (names.count - 1 - index) % every == 0 {
            svg.label(name, left + (Double(index) + 0.5) * slot, bottom + 16, anchor: "middle")
        }
    }
}

/// One name and how its shape looks.
struct LegendEntry {
    let name: String
    let kind: String
    let dash: String
    let isArea: Bool
    let opacity: String

    init(_ name: String, kind: String, dash: String = "", isArea: Bool = false, opacity: String = "0.15") {
        self.name = name
        self.kind = kind
        self.dash = dash
        self.isArea = isArea
        self.opacity = opacity
    }
}

/// Names above a picture, in as many lines as they need.
struct Legend {
    private let places: [(entry: LegendEntry, x: Double, y: Double)]
    let height: Double

    private static let lineHeight = 18.0
    private static let swatch = 20.0

    init(_ entries: [LegendEntry], width: Int) {
        var x = 0.0
        var y = 0.0
        var places: [(LegendEntry, Double, Double)] = []
        for entry in entries {
            let length = Self.swatch + 5 + SVGWriter.width(entry.name) + 14
            if x > 0, x + length > Double(width) {
                x = 0
                y += Self.lineHeight
            }
            places.append((entry, x, y))
            x += length
        }
        self.places = places
        height = y + Self.lineHeight
    }

    func draw(in svg: inout SVGWriter) {
        for (entry, x, y) in places {
            if entry.isArea {
                svg.rectangle(x, y + 3, Self.swatch - 6, 10, kind: entry.kind, opacity: entry.opacity)
            } else {
                svg.element(
                    "line",
                    [
                        "class": entry.kind, "x1": SVGWriter.number(x), "y1": SVGWriter.number(y + 8),
                        "x2": SVGWriter.number(x + Self.swatch), "y2": SVGWriter.number(y + 8),
                        "stroke": "currentColor", "stroke-width": "2", "stroke-dasharray": entry.dash,
                    ])
            }
            svg.label(entry.name, x + (entry.isArea ? Self.swatch - 1 : Self.swatch + 5), y + 12)
        }
    }
}
