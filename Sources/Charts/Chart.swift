// SPDX-License-Identifier: Apache-2.0

/// A picture made of values: SVG 1.1 as text, to stand in a page. The same values give the same bytes.
///
/// Nothing in it needs a script or a style of its own: shapes have classes, which ``ChartStyle`` colours, and are drawn in
/// `currentColor` where no style is. Texts are escaped.
package protocol Chart: Sendable {
    /// - Throws: ``ChartError`` where a value cannot be drawn.
    func svg() throws(ChartError) -> String
}

/// What a chart is called, for people who see it and for those who hear it read.
package struct ChartCaption: Sendable, Hashable {
    /// Of the `<svg>`, and the beginning of the ids inside; once per page. Other than letters, digits and `-` becomes `-`.
    package var id: String
    package var title: String
    /// What the picture shows, in a sentence or two: for people who do not see it.
    package var summary: String

    package init(id: String, title: String, summary: String = "") {
        self.id = id
        self.title = title
        self.summary = summary
    }
}

/// The size of a picture in its own units, which are about a pixel; it scales with its place.
package struct ChartSize: Sendable, Hashable {
    package var width: Int
    package var height: Int

    package init(_ width: Int, _ height: Int) {
        self.width = max(width, 40)
        self.height = max(height, 16)
    }
}

/// Why values cannot be drawn.
package enum ChartError: Error, Sendable, Equatable, CustomStringConvertible {
    /// NaN, infinite or beyond ±10^100.
    case notDrawable(String)
    case negative(String)
    /// Rows of values that belong together have different lengths.
    case uneven(String, expected: Int, found: Int)
    case tooMany(String, limit: Int)

    package var description: String {
        switch self {
        case .notDrawable(let name): "'\(name)' has a value that is not a number or beyond ±10^100: leave it out"
        case .negative(let name): "'\(name)' has a value below 0, which a bar or a cell cannot show"
        case .uneven(let name, let expected, let found): "'\(name)' has \(found) values where \(expected) belong"
        case .tooMany(let name, let limit): "'\(name)' has more than \(limit) values: add them up first"
        }
    }

    /// Values of one series or row that a chart takes at most.
    static let limit = 10_000

    static func check(_ values: [Double?], _ name: String, negative: Bool = true) throws(ChartError) {
        guard values.count <= limit else { throw .tooMany(name, limit: limit) }
        for case let value? in values {
            guard abs(value) <= 1e100 else { throw .notDrawable(name) }
            guard negative || value >= 0 else { throw .negative(name) }
        }
    }
}

/// Writes the elements of one picture.
struct SVGWriter {
    private(set) var text = ""
    private let id: String

    /// - Parameter kind: the class beside `chart`.
    init(_ caption: ChartCaption, _ size: ChartSize, kind: String) {
        let clean = caption.id.unicodeScalars.map { scalar -> Character in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "-": Character(scalar)
            default: "-"
            }
        }
        id = clean.isEmpty ? "chart" : String(clean)
        let labels = caption.summary.isEmpty ? "\(id)-t" : "\(id)-t \(id)-d"
        text = """
            <svg xmlns="http://www.w3.org/2000/svg" id="\(id)" class="chart chart-\(kind)" role="img" \
            aria-labelledby="\(labels)" viewBox="0 0 \(size.width) \(size.height)" \
            preserveAspectRatio="xMidYMid meet" font-size="12" fill="currentColor">\
            <title id="\(id)-t">\(Markup.escape(caption.title))</title>
            """
        if !caption.summary.isEmpty { text += #"<desc id="\#(id)-d">\#(Markup.escape(caption.summary))</desc>"# }
    }

    /// A coordinate: two decimals.
    static func number(_ value: Double) -> String { NumberText.fixed(value, 2) }

    mutating func element(
        _ name: String, _ attributes: KeyValuePairs<String, String>, content: String? = nil, tip: String? = nil
    ) {
        text += "<\(name)"
        for (key, value) in attributes where !value.isEmpty { text += " \(key)=\"\(value)\"" }
        var inside = tip.map { "<title>\(Markup.escape($0))</title>" } ?? ""
        if let content { inside += Markup.escape(content) }
        text += inside.isEmpty ? "/>" : ">\(inside)</\(name)>"
    }

    mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, kind: String, opacity: String = "") {
        element(
            "line",
            [
                "class": kind, "x1": Self.number(x1), "y1": Self.number(y1), "x2": Self.number(x2),
                "y2": Self.number(y2), "stroke": "currentColor", "stroke-opacity": opacity,
            ])
    }

    mutating func rectangle(
        _ x: Double, _ y: Double, _ width: Double, _ height: Double, kind: String, opacity: String, tip: String? = nil
    ) {
        element(
            "rect",
            [
                "class": kind, "x": Self.number(x), "y": Self.number(y), "width": Self.number(width),
                "height": Self.number(height), "fill": "currentColor", "fill-opacity": opacity,
            ], tip: tip)
    }

    /// - Parameter anchor: `start`, `middle` or `end`.
    mutating func label(_ content: String, _ x: Double, _ y: Double, anchor: String = "start", kind: String = "label") {
        element(
            "text",
            ["class": kind, "x": Self.number(x), "y": Self.number(y), "text-anchor": anchor == "start" ? "" : anchor],
            content: content)
    }

    /// A low picture that says that there is nothing to draw.
    static func empty(_ caption: ChartCaption, width: Int, kind: String) -> String {
        var svg = SVGWriter(caption, ChartSize(width, 48), kind: kind)
        svg.label("no data", Double(width) / 2, 28, anchor: "middle")
        return svg.finished()
    }

    func finished() -> String { text + "</svg>" }

    /// About so wide is a text at the size of labels.
    static func width(_ text: String) -> Double { Double(text.unicodeScalars.count) * 6.6 }
}
