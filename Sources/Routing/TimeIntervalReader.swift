// SPDX-License-Identifier: Apache-2.0

import Foundation
import YAMLDocument

/// Reads `time_intervals` as Alertmanager's configuration writes them.
enum TimeIntervalReader {
    private static let weekdays = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
    private static let months = [
        "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
        "december",
    ]

    static func intervals(_ node: YAMLNode) throws(DocumentError) -> [TimeInterval] {
        var intervals: [TimeInterval] = []
        for item in node.items() {
            try item.refuseKeys(except: ["name", "time_intervals"])
            let name = try item.required("name").text()
            if intervals.contains(where: { $0.name == name }) {
                throw item.error("two time intervals are named '\(name)'. Rename one.")
            }
            var parts: [TimeInterval.Part] = []
            for part in item["time_intervals"]?.items() ?? [] { parts.append(try self.part(part)) }
            intervals.append(TimeInterval(name: name, parts: parts))
        }
        return intervals
    }

    private static func part(_ node: YAMLNode) throws(DocumentError) -> TimeInterval.Part {
        try node.refuseKeys(except: ["times", "weekdays", "days_of_month", "months", "years", "location"])
        var part = TimeInterval.Part()
        if let times = node["times"] {
            var ranges: [Range<Int>] = []
            for item in times.items() { ranges.append(try timeRange(item)) }
            part.times = ranges
        }
        part.weekdays = try ranges(node["weekdays"]) { node, text throws(DocumentError) in
            guard let day = weekdays.firstIndex(of: text) else {
                throw node.error("'\(text)' is not a weekday. Write monday, or a range as monday:friday.")
            }
            return day
        }
        part.months = try ranges(node["months"]) { node, text throws(DocumentError) in
            if let month = months.firstIndex(of: text) { return month + 1 }
            guard let month = Int(text), (1...12).contains(month) else {
                throw node.error("'\(text)' is not a month. Write january or 1, or a range as 1:3.")
            }
            return month
        }
        part.years = try ranges(node["years"]) { node, text throws(DocumentError) in
            guard let year = Int(text), (1...9999).contains(year) else {
                throw node.error("'\(text)' is not a year. Write 2026, or a range as 2026:2028.")
            }
            return year
        }
        if let days = node["days_of_month"] {
            var ranges: [(first: Int, last: Int)] = []
            for item in days.items() { ranges.append(try daysOfMonth(item)) }
            part.daysOfMonth = ranges
        }
        if let location = node["location"] { part.location = try zone(location) }
        return part
    }

    private static func timeRange(_ node: YAMLNode) throws(DocumentError) -> Range<Int> {
        try node.refuseKeys(except: ["start_time", "end_time"])
        let start = try minutes(node.required("start_time"))
        let end = try minutes(node.required("end_time"))
        guard start < end else {
            throw node.error("start_time is not before end_time. Over midnight takes two: to 24:00, and from 00:00.")
        }
        return start..<end
    }

    /// `HH:MM`, to 24:00.
    private static func minutes(_ node: YAMLNode) throws(DocumentError) -> Int {
        let text = try node.text()
        let digits = Array(text.utf8)
        if text == "24:00" { return 1440 }
        guard digits.count == 5, digits[2] == UInt8(ascii: ":"), let hour = Int(text.prefix(2)),
            let minute = Int(text.suffix(2)), (0...23).contains(hour), (0...59).contains(minute)
        else { throw node.error("'\(text)' is not a time of day. Write HH:MM, as 09:00 or 24:00.") }
        return hour * 60 + minute
    }

    /// `first:last` or one value, each.
    private static func ends(_ node: YAMLNode) throws(DocumentError) -> (first: String, last: String) {
        let text = try node.text().lowercased()
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        switch parts.count {
        case 1: return (text, text)
        case 2: return (parts[0], parts[1])
        default: throw node.error("'\(text)' is not a range. Write one value, or first:last.")
        }
    }

    private static func ranges(
        _ node: YAMLNode?, _ value: (YAMLNode, String) throws(DocumentError) -> Int
    ) throws(DocumentError) -> [ClosedRange<Int>]? {
        guard let node else { return nil }
        var ranges: [ClosedRange<Int>] = []
        for item in node.items() {
            let (first, last) = try ends(item)
            let begin = try value(item, first)
            let end = try value(item, last)
            guard begin <= end else { throw item.error("'\(last)' is before '\(first)'. Write two ranges.") }
            ranges.append(begin...end)
        }
        return ranges
    }

    private static func daysOfMonth(_ node: YAMLNode) throws(DocumentError) -> (first: Int, last: Int) {
        let (first, last) = try ends(node)
        func day(_ text: String) throws(DocumentError) -> Int {
            guard let day = Int(text), day != 0, (-31...31).contains(day) else {
                throw node.error("'\(text)' is not a day of the month. Write 1 to 31, or -1 to -31 from its end.")
            }
            return day
        }
        let begin = try day(first)
        let end = try day(last)
        // As in Alertmanager: what would be empty in every month is refused, by the shortest month.
        if begin < 0, end > 0 {
            throw node.error("a range that begins from the end of the month must end from it too.")
        }
        if (begin < 0 ? 28 + begin : begin) > (end < 0 ? 28 + end : end) {
            throw node.error("the last day, \(end), is before the first, \(begin).")
        }
        return (begin, end)
    }

    private static func zone(_ node: YAMLNode) throws(DocumentError) -> TimeZone {
        let name = try node.text()
        if name == "Local" { return .current }
        if name == "UTC" || name == "Etc/UTC" { return .gmt }
        // Foundation accepts offsets such as GMT+5 and gives them another name; a name that it keeps is a real one.
        guard let zone = TimeZone(identifier: name), zone.identifier == name, !name.hasPrefix("GMT") else {
            throw node.error("'\(name)' is not a zone of the IANA database. Write one as Europe/Berlin, UTC or Local.")
        }
        return zone
    }
}
