// SPDX-License-Identifier: Apache-2.0

package import Baseline
package import Sigma

extension BaselineSettings {
    /// The numbers of a rule's `gatewatch: baseline:`.
    ///
    /// - Parameter bucket: the length of the rule's window, ms.
    package init(_ rule: RuleExtension.Baseline, bucket: Int64) {
        let season: Season =
            switch rule.season {
            case .none: .none
            case .hourOfDay: .hourOfDay
            case .hourOfWeek: .hourOfWeek
            }
        self.init(
            values: .counts, bucket: bucket, season: season, history: rule.history.milliseconds,
            minimumHistory: rule.minimumHistory.milliseconds, minimumBuckets: rule.minimumBuckets,
            scaleFloor: rule.scaleFloor, threshold: rule.threshold, ratio: rule.ratio)
    }
}
