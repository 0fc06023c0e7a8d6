// SPDX-License-Identifier: Apache-2.0

import Charts
import Foundation
import Testing

@Suite struct ChartTests {
    @Test func everyPictureIsXMLAndTextsOfAnAttackerStayText() throws {
        let probes = [
            #"<script>alert(1)</script>"#, #""/><img onerror=x>"#, "'&amp;]]>", "\u{0}\u{8}\u{1B}\u{202E}\u{FFFE}", "",
        ]
        for probe in probes {
            for chart in everyChart(probe) {
                let svg = try chart.svg()
                let parsed = Parsed(svg)
                #expect(parsed.error == nil, "\(type(of: chart)) with \(probe)")
                #expect(parsed.count("script") == 0 && parsed.count("img") == 0)
                #expect(!svg.contains("style="), "a strict policy for content lets no style stand in an attribute")
                #expect(!svg.contains("on" + "error=x\""))
                let ids = parsed.elements.compactMap { $0.attributes["id"] }
                #expect(Set(ids).count == ids.count)
                #expect(ids.allSatisfy { $0.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" } })
            }
        }
        let texts = Parsed(try everyChart("<b>&amp;</b>")[1].svg()).texts
        #expect(texts.contains("<b>&amp;</b>"))
    }

    @Test func everyPictureHasATitleThatItsLabelNames() throws {
        for chart in everyChart("what") {
            let parsed = Parsed(try chart.svg())
            let svg = try #require(parsed.elements.first)
            #expect(svg.attributes["role"] == "img")
            let ids = Set(parsed.elements.compactMap { $0.attributes["id"] })
            let labels = try #require(svg.attributes["aria-labelledby"]).split(separator: " ").map(String.init)
            #expect(labels.count == 2 && labels.allSatisfy(ids.contains))
        }
    }

    @Test func theSameValuesGiveTheSameBytes() throws {
        for (one, other) in zip(everyChart("a"), everyChart("a")) { #expect(try one.svg() == other.svg()) }
    }

    @Test func aSparklineIsExactlyThis() throws {
        let svg = try Sparkline(ChartCaption(id: "s", title: "risk"), values: [0, 10, nil, 20], top: 20).svg()
        #expect(
            svg == """
                <svg xmlns="http://www.w3.org/2000/svg" id="s" class="chart chart-spark" role="img" \
                aria-labelledby="s-t" viewBox="0 0 120 24" preserveAspectRatio="xMidYMid meet" font-size="12" \
                fill="currentColor"><title id="s-t">risk: 0, 10, –, 20</title>\
                <line class="grid" x1="2" y1="21" x2="118" y2="21" stroke="currentColor" stroke-opacity="0.25"/>\
                <polyline class="line-1" fill="none" stroke="currentColor" stroke-width="1.5" \
                stroke-linejoin="round" points="4,21 41.33,12"/>\
                <circle class="fill-1" cx="116" cy="3" r="2.5" fill="currentColor"/></svg>
                """)
    }

    @Test func emptySeriesSayThatThereIsNoData() throws {
        let caption = ChartCaption(id: "e", title: "nothing")
        let charts: [any Chart] = [
            LineChart(caption, unit: .count, times: [], series: []),
            LineChart(caption, unit: .count, times: [monday], series: [.init("a", [nil])]),
            StackedBars(caption, unit: .count, names: [], parts: []),
            HeatMap(caption, rows: [], columns: [], cells: []),
            TimelineChart(caption, from: 0, to: 0, lanes: []),
            Sparkline(caption, values: []),
        ]
        for chart in charts {
            let parsed = Parsed(try chart.svg())
            #expect(parsed.error == nil && parsed.texts.contains { $0.contains("no data") }, "\(chart)")
        }
    }

    @Test func oneValueAndHugeValuesAreDrawnInside() throws {
        for value in [0, 1e-300, 1, -4, 1e15, 1e100, -1e100] {
            for unit in [ChartUnit.count, .bytes, .percent, .number] {
                let chart = LineChart(
                    ChartCaption(id: "v", title: "v"), unit: unit, times: [monday], series: [.init("v", [value])])
                let circle = try #require(Parsed(try chart.svg()).elements.first { $0.name == "circle" })
                let y = try #require(circle.attributes["cy"].flatMap(Double.init))
                #expect((0...220).contains(y), "\(value) in \(unit)")
            }
        }
    }

    @Test func whatCannotBeDrawnIsRefusedByItsName() {
        let caption = ChartCaption(id: "r", title: "r")
        for value in [Double.nan, .infinity, -.infinity, 1e101] {
            #expect(throws: ChartError.notDrawable("a")) {
                try LineChart(caption, unit: .count, times: [0], series: [.init("a", [value])]).svg()
            }
            #expect(throws: ChartError.self) { try Sparkline(caption, values: [value]).svg() }
            #expect(throws: ChartError.self) {
                try HeatMap(caption, rows: ["a"], columns: ["b"], cells: [[value]]).svg()
            }
        }
        #expect(throws: ChartError.negative("p")) {
            try StackedBars(caption, unit: .count, names: ["a"], parts: [("p", [-1])]).svg()
        }
        #expect(throws: ChartError.uneven("p", expected: 1, found: 2)) {
            try StackedBars(caption, unit: .count, names: ["a"], parts: [("p", [1, 1])]).svg()
        }
        #expect(throws: ChartError.uneven("Mon", expected: 24, found: 1)) {
            try HeatMap.week(caption, cells: [[1]] + Array(repeating: Array(repeating: 0, count: 24), count: 6)).svg()
        }
        #expect(throws: ChartError.tooMany("a", limit: 10_000)) {
            let values = [Double?](repeating: 1, count: 10_001)
            try LineChart(
                caption, unit: .count, times: values.indices.map { Int64($0) }, series: [.init("a", values)]
            ).svg()
        }
    }

    @Test func aPointAboveTheBandIsMarkedAndAGapIsNotBridged() throws {
        let chart = LineChart(
            ChartCaption(id: "b", title: "b"), unit: .count, times: (0..<5).map { monday + $0 * day },
            series: [.init("v", [1, 2, nil, 9, 3])],
            band: .init(low: [0, 0, 0, 0, nil], high: [5, 5, 5, 9, nil]))
        let parsed = Parsed(try chart.svg())
        // At the edge is not above.
        #expect(!parsed.elements.contains { $0.attributes["class"] == "mark" })
        #expect(parsed.elements.filter { $0.attributes["class"] == "line-1" && $0.name == "polyline" }.count == 2)
        var above = chart
        above.series[0].values[3] = 9.01
        #expect(Parsed(try above.svg()).elements.filter { $0.attributes["class"] == "mark" }.count == 1)
        // With a limit of its own: from there on.
        above.band?.limit = [5, 5, 5, 9.02, 3]
        #expect(Parsed(try above.svg()).elements.filter { $0.attributes["class"] == "mark" }.count == 1)
        above.band?.limit[3] = 9.01
        #expect(Parsed(try above.svg()).elements.filter { $0.attributes["class"] == "mark" }.count == 2)
    }

    @Test(
        arguments: zip(
            [2_000, 61_000, 7_200_000, 259_200_000] as [Int64],
            [
                ["00:00:59", "00:01:00", "00:01:01"], ["00:01:00", "00:01:15", "00:01:30", "00:01:45"],
                ["00:30", "01:00", "01:30", "02:00"], ["17 Nov", "18 Nov"],
            ]))
    func theAxisOfTimeHasRoundTimes(span: Int64, texts: [String]) throws {
        let chart = LineChart(
            ChartCaption(id: "t", title: "t"), unit: .count, times: [monday + 59_000, monday + 59_000 + span],
            series: [.init("v", [1, 2])])
        let svg = try chart.svg()
        for text in texts { #expect(svg.contains(">\(text)</text>"), "\(svg)") }
    }

    @Test func barsOfOnePictureStandOnEachOther() throws {
        let svg = try StackedBars(
            ChartCaption(id: "s", title: "s"), unit: .count, names: ["W46"],
            parts: [("a", [3]), ("b", [0]), ("c", [1])],
            palette: .risk
        ).svg()
        let bars = Parsed(svg).elements.filter { $0.name == "rect" && $0.attributes["width"] == "56" }
        #expect(bars.map { $0.attributes["class"] } == ["risk-info", "risk-medium"])
        let y = bars.compactMap { $0.attributes["y"].flatMap(Double.init) }
        let height = bars.compactMap { $0.attributes["height"].flatMap(Double.init) }
        #expect(abs(y[1] + height[1] - y[0]) < 0.02)
        #expect(abs(height[0] - 3 * height[1]) < 0.05)
    }

    @Test func everyClassOfAPictureHasItsColour() throws {
        for chart in everyChart("x") {
            for element in Parsed(try chart.svg()).elements {
                guard let kind = element.attributes["class"], element.name != "svg" else { continue }
                #expect(ChartStyle.css.contains(".chart .\(kind){"), "\(kind)")
            }
        }
    }
}

@Suite struct NumberTextTests {
    @Test(
        arguments: [(Double, String)]([
            (0, "0"), (1, "1"), (999, "999"), (999.6, "1k"), (1000, "1k"), (1234, "1.23k"), (99_950, "100k"),
            (2e6, "2M"),
            (-1500, "-1.5k"), (1e25, "1e+25"), (-0.001, "0"), (0.25, "0.25"),
        ])) func countsAreShort(value: Double, text: String)
    { #expect(ChartUnit.count.text(value) == text) }

    @Test(
        arguments: [(Double, String)]([
            (0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (1_048_575, "1 MiB"),
            (20 * 1_073_741_824, "20 GiB"), (1.15e18, "1021 PiB"), (1e30, "1e+30 B"), (-2048, "-2 KiB"),
        ])) func bytesAreInIECUnits(value: Double, text: String)
    { #expect(ChartUnit.bytes.text(value) == text) }

    @Test func decimalsAreRoundedAwayFromZeroAndNeverMinusZero() {
        #expect(NumberText.fixed(1.005, 1) == "1")
        #expect(NumberText.fixed(-0.04, 1) == "0")
        #expect(NumberText.fixed(0.05, 2) == "0.05")
        #expect(NumberText.fixed(-2.5, 0) == "-3")
        #expect(NumberText.fixed(.nan, 2) == "–")
        #expect(NumberText.fixed(1e300, 2) == "1e+300")
        #expect(NumberText.grouped(-1_234_567) == "-1\u{202F}234\u{202F}567")
        #expect(NumberText.grouped(.min) == "-9\u{202F}223\u{202F}372\u{202F}036\u{202F}854\u{202F}775\u{202F}808")
    }
}
