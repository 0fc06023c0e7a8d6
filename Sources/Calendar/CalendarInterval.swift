// SPDX-License-Identifier: Apache-2.0

/// A stretch of time from a calendar: start inclusive, end exclusive, in milliseconds since the epoch (UTC).
package struct CalendarInterval: Sendable, Equatable {
    /// Inclusive, milliseconds since the epoch.
    package let start: Int64
    /// Exclusive, milliseconds since the epoch.
    package let end: Int64
    /// The SUMMARY of the event; where events touch or overlap, their distinct summaries joined by ` + `.
    package let summary: String

    package init(start: Int64, end: Int64, summary: String) {
        self.start = start
        self.end = end
        self.summary = summary
    }
}

extension CalendarInterval {
    /// How many distinct summaries a merged interval names.
    private static let namedSummaries = 4

    /// Sorted and disjoint: what touches or overlaps becomes one.
    static func merged(_ intervals: [CalendarInterval]) -> [CalendarInterval] {
        let sorted = intervals.sorted { ($0.start, $0.end, $0.summary) < ($1.start, $1.end, $1.summary) }
        var result: [CalendarInterval] = []
        var open: (start: Int64, end: Int64, summaries: [String])?
        for next in sorted {
            if var current = open, next.start <= current.end {
                current.end = max(current.end, next.end)
                if current.summaries.count < namedSummaries, !current.summaries.contains(next.summary) {
                    current.summaries.append(next.summary)
                }
                open = current
                continue
            }
            if let open { result.append(CalendarInterval(open)) }
            open = (next.start, next.end, [next.summary])
        }
        if let open { result.append(CalendarInterval(open)) }
        return result
    }

    private init(_ open: (start: Int64, end: Int64, summaries: [String])) {
        self.init(start: open.start, end: open.end, summary: open.summaries.joined(separator: " + "))
    }

    /// What is left of `windows` outside of `holes`; both sorted and disjoint.
    static func subtract(_ holes: [CalendarInterval], from windows: [CalendarInterval]) -> [CalendarInterval] {
        var result: [CalendarInterval] = []
        var first = 0
        for window in windows {
            var start = window.start
            while first < holes.count, holes[first].end <= window.start { first += 1 }
            var index = first
            while index < holes.count, holes[index].start < window.end {
                if holes[index].start > start {
                    result.append(CalendarInterval(start: start, end: holes[index].start, summary: window.summary))
                }
                start = max(start, holes[index].end)
                index += 1
            }
            if start < window.end {
                result.append(CalendarInterval(start: start, end: window.end, summary: window.summary))
            }
        }
        return result
    }

    /// The one of sorted, disjoint `intervals` that holds the instant.
    static func containing(_ instant: Int64, in intervals: [CalendarInterval]) -> CalendarInterval? {
        let index = firstIndex(after: instant, in: intervals)
        guard index > 0, instant < intervals[index - 1].end else { return nil }
        return intervals[index - 1]
    }

    /// The index of the first interval that starts after the instant; the count when there is none.
    static func firstIndex(after instant: Int64, in intervals: [CalendarInterval]) -> Int {
        var low = 0
        var high = intervals.count
        while low < high {
            let middle = (low + high) / 2
            if intervals[middle].start <= instant { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
