// SPDX-License-Identifier: Apache-2.0

import Charts
import Foundation

#if canImport(FoundationXML)
import FoundationXML
#endif

let day: Int64 = 86_400_000
/// Monday, 2026-11-16.
let monday: Int64 = 1_794_787_200_000 / day * day

/// One of each kind, with texts of an attacker in every place that takes one.
func everyChart(_ text: String) -> [any Chart] {
    let caption = ChartCaption(id: text, title: text, summary: text)
    return [
        LineChart(
            caption, unit: .bytes, times: [monday, monday + day],
            series: [.init(text, [1, 2]), .init(text, [nil, 5])],
            band: .init(low: [0, 0], high: [1, 1], expected: [0.5, 0.5], name: text)),
        StackedBars(caption, unit: .count, names: [text], parts: [(text, [3]), (text, [4])]),
        Sparkline(caption, values: [1, nil, 3]),
        HeatMap(caption, rows: [text], columns: [text], cells: [[7]]),
        TimelineChart(
            caption, from: monday, to: monday + day,
            lanes: [(text, [.init(from: monday, text: text, severity: 99), .init(from: monday, to: .max, text: text)])]),
    ]
}

/// What an XML parser makes of a picture.
final class Parsed: NSObject, XMLParserDelegate {
    private(set) var elements: [(name: String, attributes: [String: String])] = []
    private(set) var texts: [String] = []
    private(set) var error: String?
    private var text = ""

    init(_ svg: String) {
        super.init()
        let parser = XMLParser(data: Data(svg.utf8))
        parser.delegate = self
        if !parser.parse() { error = "\(parser.parserError.map { "\($0)" } ?? "unknown")" }
    }

    func count(_ name: String) -> Int { elements.count { $0.name == name } }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        elements.append((name, attributes))
        text = ""
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
        if !text.isEmpty { texts.append(text) }
        text = ""
    }
}
