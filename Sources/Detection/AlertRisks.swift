// SPDX-License-Identifier: Apache-2.0

import Sigma

extension RiskState {
    /// The alert with its place in its identity's risk and incident. Alerts without an identity and those of experimental rules
    /// have none.
    func noted(
        _ alert: Alert, _ risks: [String: RuleExtension.Risk], isDismissed: (String) -> Bool = { _ in false }
    ) -> Alert {
        guard let identity = alert.identity, alert.status != RuleMetadata.Status.experimental.rawValue else {
            return alert
        }
        var term: Term?
        if let points = alert.riskPoints, let risk = risks[alert.ruleID] {
            term = Term(
                rule: alert.ruleID, name: alert.ruleName, alert: alert.id, time: alert.time, points: Double(points),
                halfLife: risk.halfLife.milliseconds, daily: Double(risk.daily))
        }
        let key = GroupKey()
        let isKey = Array(identity.utf8).withUnsafeBytes { key.add($0) }
        guard isKey else { return alert }
        let id = key.withBytes { keySpace.intern($0) }
        let standing = note(term, at: alert.time, key: id, identity: identity, isDismissed: isDismissed)
        var alert = alert
        alert.risk = standing.risk
        alert.incident = standing.incident
        return alert
    }
}

/// The risk and the incidents of identities over the alerts of several engines, which then run with `notesRisk` off.
/// For one thread.
package final class AlertRisks {
    private let state = RiskState(keySpace: KeySpace(fields: ["identity"]))
    private let risks: [String: RuleExtension.Risk]

    /// - Parameter plan: of all rules whose alerts are noted.
    package init(plan: DetectorPlan) {
        risks = plan.risks
    }

    /// The alert with its identity's risk, in which it is, and its incident. Alerts come in the order in which they arose.
    package func noted(_ alert: Alert) -> Alert {
        state.noted(alert, risks)
    }

    /// Forgets what no longer counts; to be called when an engine would (`Engine.sweepInterval`).
    package func sweep(watermark: Int64) {
        state.sweep(watermark: watermark)
        state.discardChanges()
    }
}
