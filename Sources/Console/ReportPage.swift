// SPDX-License-Identifier: Apache-2.0

package import Desk
import Foundation
import HTTPTypes
import Hummingbird
import Web

/// What makes the weekly report; the executable gives it. The console shows and hands out what it makes.
package struct ReportPages: Sendable {
    /// A form of a report.
    package enum Form: String, Sendable, CaseIterable {
        /// A part of a page, to stand in a `<div class="report">`.
        case fragment
        /// Files of their own.
        case html, json, csv
    }

    /// A report in one form.
    package struct Made: Sendable {
        /// `2026-W46`.
        package var week: String
        package var bytes: [UInt8]
        package var contentType: String
        package var fileName: String

        package init(week: String, bytes: [UInt8], contentType: String, fileName: String) {
            self.week = week
            self.bytes = bytes
            self.contentType = contentType
            self.fileName = fileName
        }
    }

    /// The style of fragments, for the console's style sheet.
    package var css: String
    /// Makes a report; what it throws as ``DeskError`` or `WebFault` is told. Whoever asks for names is noted there, before.
    ///
    /// `week` is nil for the last whole one.
    package var make: @Sendable (_ week: String?, _ form: Form, _ isNamed: Bool, _ actor: Actor) async throws -> Made

    package init(
        css: String,
        make: @escaping @Sendable (_ week: String?, _ form: Form, _ isNamed: Bool, _ actor: Actor) async throws -> Made
    ) {
        self.css = css
        self.make = make
    }
}

extension Console {
    struct ReportPage: Sendable {
        let isMade: Bool
        let week: String?
        let isNamed: Bool
        let earlierURL: String?
        let laterURL: String?
        let files: [Choice]
        let otherURL: String?
        let fragment: String?
    }

    /// `/report`: the week's report, as a page and as files. With names it takes the role admin, and asking is evidence.
    func addReport(to router: Router<WebContext>) {
        router.get("report") { request, context in
            let actor = try context.actor
            let query = try request.query()
            let isNamed = query["named"] != nil
            if isNamed { try context.require(.readNamedReports) }
            guard let reports else {
                return try await page(
                    "Report", "report",
                    ReportPage(
                        isMade: false, week: nil, isNamed: false, earlierURL: nil, laterURL: nil, files: [],
                        otherURL: nil, fragment: nil), request, context)
            }
            let form = query["format"].map { ReportPages.Form(rawValue: $0) } ?? .fragment
            guard let form else { throw WebFault.invalid("format", "The formats are html, json and csv.") }
            let made = try await reports.make(query["week"], form, isNamed, actor)
            if form != .fragment {
                var response = Response.bytes(made.bytes, type: made.contentType)
                response.headers[.contentDisposition] = "attachment; filename=\"\(made.fileName)\""
                return response
            }
            func url(_ week: String?, _ format: String? = nil, named: Bool = isNamed) -> String? {
                week.map { Link.url("/report", [("week", $0), ("format", format), ("named", named ? "yes" : nil)]) }
            }
            let later = WeekName.moved(made.week, by: 1)
            let isLast = later.map { $0 >= WeekName.containing(now()) } ?? true
            return try await page(
                "Report \(made.week)", "report",
                ReportPage(
                    isMade: true, week: made.week, isNamed: isNamed,
                    earlierURL: url(WeekName.moved(made.week, by: -1)), laterURL: isLast ? nil : url(later),
                    files: ["html", "json", "csv"].map {
                        Choice(value: url(made.week, $0) ?? "", label: $0.uppercased(), isChosen: false)
                    },
                    otherURL: actor.may(.readNamedReports) ? url(made.week, named: !isNamed) : nil,
                    fragment: String(decoding: made.bytes, as: UTF8.self)), request, context)
        }
    }
}

/// Weeks of ISO 8601 by their names; as texts they are in their order.
enum WeekName {
    private static let calendar: Calendar = {
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = .gmt
        return calendar
    }()

    private static func name(_ date: Date) -> String {
        let parts = calendar.dateComponents([.yearForWeekOfYear, .weekOfYear], from: date)
        let week = parts.weekOfYear ?? 1
        return "\(parts.yearForWeekOfYear ?? 1970)-W" + (week < 10 ? "0" : "") + "\(week)"
    }

    /// The week of a time, ms since the epoch, in UTC.
    static func containing(_ time: Int64) -> String { name(Date(timeIntervalSince1970: Double(time) / 1000)) }

    /// So many weeks later; nil for a text that names no week.
    static func moved(_ week: String, by count: Int) -> String? {
        let parts = week.split(separator: "-W")
        guard parts.count == 2, let year = Int(parts[0]), let number = Int(parts[1]),
            let date = calendar.date(
                from: DateComponents(weekday: 5, weekOfYear: number, yearForWeekOfYear: year)),
            let moved = calendar.date(byAdding: .weekOfYear, value: count, to: date)
        else { return nil }
        return name(moved)
    }
}
