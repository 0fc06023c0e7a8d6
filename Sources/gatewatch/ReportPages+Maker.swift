// SPDX-License-Identifier: Apache-2.0

import Console
import Desk
import Dispatch
import Report
import Telemetry

extension ReportPages {
    /// The console's reports, made where they may take their time.
    init(_ maker: ReportMaker) {
        self.init(css: ReportDocument.css) { week, form, isNamed, actor in
            let result = await withCheckedContinuation { continuation in
                DispatchQueue.global().async {
                    continuation.resume(returning: Result { try Self.make(maker, week, form, isNamed, actor) })
                }
            }
            do {
                return try result.get()
            } catch let error as PeriodError {
                throw DeskError.invalid(field: "week", error.description)
            }
        }
    }

    private static func make(
        _ maker: ReportMaker, _ week: String?, _ form: Form, _ isNamed: Bool, _ actor: Actor
    ) throws -> Made {
        let now = RFC3339.nowMilliseconds()
        let period =
            try week.map { try ReportPeriod(week: $0, zone: maker.zone) }
            ?? ReportPeriod(lastBefore: now, zone: maker.zone)
        let document =
            isNamed
            ? try maker.namedReport(on: period, for: actor.identity, via: actor.via.text, now: now)
            : try maker.report(on: period)
        let format: ReportFormat? =
            switch form {
            case .fragment: nil
            case .html: .html
            case .json: .json
            case .csv: .csv
            }
        return Made(
            week: period.name, bytes: format.map { document.bytes($0) } ?? Array(document.fragment.utf8),
            contentType: (format ?? .html).contentType, fileName: document.fileName(format ?? .html))
    }
}
