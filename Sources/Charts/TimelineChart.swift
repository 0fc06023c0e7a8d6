// SPDX-License-Identifier: Apache-2.0

/// What happened when, in lanes: alerts, orders, approvals, sessions of one identity side by side.
package struct TimelineChart: Chart {
    /// Something at a moment, or over a span.
    package struct Mark: Sendable, Hashable {
        /// ms since the epoch, UTC.
        package var from: Int64
        /// The end of a span; nil for a moment.
        package var to: Int64?
        /// Said when it is pointed at, and to people who hear the picture.
        package var text: String
        /// OCSF `severity_id` decides the colour: 1 informational to 5 critical; nil for the lane's.
        package var severity: Int?

        package init(from: Int64, to: Int64? = nil, text: String, severity: Int? = nil) {
            self.from = from
            self.to = to
            self.text = text
            self.severity = severity
        }
    }

    package var caption: ChartCaption
    /// ms since the epoch, UTC. What lies outside is not drawn, a span is cut.
    package var from: Int64
    package var to: Int64
    package var lanes: [(name: String, marks: [Mark])]
    package var width: Int

    package init(
        _ caption: ChartCaption, from: Int64, to: Int64, lanes: [(name: String, marks: [Mark])], width: Int = 640
    ) {
        self.caption = caption
        self.from = from
        self.to = to
        self.lanes = lanes
        self.width = width
    }

    private static let laneHeight = 26.0
    private static let levels = ["info", "info", "low", "medium", "high", "critical", "critical"]

    package func svg() throws(ChartError) -> String {
        guard lanes.count <= 50 else { throw .tooMany(caption.title, limit: 50) }
        for lane in lanes where lane.marks.count > ChartError.limit {
            throw .tooMany(lane.name, limit: ChartError.limit)
        }
        guard !lanes.isEmpty else {
            return SVGWriter.empty(caption, width: width, kind: "timeline")
        }
        let bottom = Double(lanes.count) * Self.laneHeight + 4
        var svg = SVGWriter(caption, ChartSize(width, Int(bottom) + 24), kind: "timeline")
        let left = min(((lanes.map { SVGWriter.width($0.name) }.max() ?? 0) + 16).rounded(), Double(width) / 3)
        let span = max(Double(width) - left - 16, 10)
        let time = TimeAxis(from: from, to: to, wanted: max(2, Int(span / 64)))
        for tick in time.ticks {
            let x = left + time.share(tick.at) * span
            svg.line(x, 0, x, bottom, kind: "grid", opacity: "0.2")
            let half = SVGWriter.width(tick.text) / 2
            if x + half <= Double(width) { svg.label(tick.text, x, bottom + 16, anchor: "middle") }
        }
        for (index, lane) in lanes.enumerated() {
            let middle = (Double(index) + 0.5) * Self.laneHeight
            svg.label(lane.name, left - 8, middle + 4, anchor: "end")
            svg.line(left, middle, left + span, middle, kind: "grid", opacity: "0.25")
            for mark in lane.marks { draw(mark, middle, index, left, span, time, in: &svg) }
        }
        return svg.finished()
    }

    private func draw(
        _ mark: Mark, _ middle: Double, _ lane: Int, _ left: Double, _ span: Double, _ time: TimeAxis,
        in svg: inout SVGWriter
    ) {
        let end = mark.to ?? mark.from
        guard mark.from <= time.to, end >= time.from else { return }
        let kind =
            mark.severity.map { "risk-\(Self.levels[min(max($0, 0), Self.levels.count - 1)])" }
            ?? "fill-\(lane % 6 + 1)"
        let x = left + time.share(max(mark.from, time.from)) * span
        let words = "\(DateText.minute(mark.from)) UTC: \(mark.text)"
        if mark.to != nil {
            let width = max(left + time.share(min(end, time.to)) * span - x, 3)
            svg.rectangle(x, middle - 5, width, 10, kind: kind, opacity: "0.6", tip: words)
        } else {
            // A diamond: told from a span in grey too.
            let points = [(x, middle - 7), (x + 6, middle), (x, middle + 7), (x - 6, middle)]
            svg.element(
                "polygon",
                [
                    "class": kind, "fill": "currentColor", "stroke": "currentColor", "stroke-width": "0.75",
                    "points": points.map { "\(SVGWriter.number($0.0)),\(SVGWriter.number($0.1))" }
                        .joined(separator: " "),
                ], tip: words)
        }
    }
}
