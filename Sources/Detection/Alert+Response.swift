// SPDX-License-Identifier: Apache-2.0

import Foundation
import JSONText
import Sigma

extension Alert {
    /// What the rule calls for beyond the alert (`gatewatch: respond`), and what became of it.
    package struct Response: Sendable, Codable, Equatable {
        /// What the detector process did about it.
        package enum Outcome: String, Sendable, Codable {
            /// A signed order is on its way.
            case issued
            /// Nothing was done, because automation is not in force for this rule.
            case observed
            /// The order was held back for the reason given.
            case refused
        }

        /// What became of it.
        package struct Decision: Sendable, Codable, Equatable {
            /// One of three.
            package let outcome: Outcome
            /// In words for a person; nil for what was issued.
            package let reason: String?
            /// The order that was issued or would have been.
            package let orderID: String?

            /// A decision as it stands in the alert.
            package init(_ outcome: Outcome, reason: String? = nil, orderID: String? = nil) {
                self.outcome = outcome
                self.reason = reason
                self.orderID = orderID
            }
        }

        /// As in the rule: `lockdown`, `block` and so on.
        package let action: String
        /// ms; nil where the action issues no order.
        package let ttl: Int64?
        /// As in the rule; none means all.
        package let connections: [String]
        /// As in the rule; none means all, for `require_approval` all sensitive ones.
        package let operations: [String]
        /// `identity` or `session`.
        package let subject: String
        /// `actor.session.uid` of the event that fired, where the rule asks for it and the event has it.
        package let session: String?
        /// Nil until somebody decided: in a backtest nobody does.
        package var decision: Decision?

        init(_ respond: RuleExtension.Respond, session: String?) {
            action = respond.action.rawValue
            ttl = respond.ttl?.milliseconds
            connections = respond.connections
            operations = respond.operations
            subject = respond.subject.rawValue
            self.session = session
        }
    }

    /// The same alert with what became of its response. Without a response it stays as it is.
    package func with(decision: Response.Decision) -> Alert {
        var alert = self
        alert.response?.decision = decision
        return alert
    }

    /// The page to people when the budget of automatic orders is spent: one for each hour of the clock, whichever process
    /// finds out and however often.
    ///
    /// - Parameters:
    ///   - hour: the number of the hour of the clock (UTC).
    ///   - time: ms since the epoch, UTC.
    ///   - reason: which budget, as a sentence without its full stop.
    ///   - first: the alert whose order was held back first.
    package static func budgetSpent(hour: Int64, time: Int64, reason: String, first: Alert) -> Alert {
        Alert(
            id: alertID(["enforcement_budget_spent", String(hour)]), ruleID: "gw_enforcement_budget_spent",
            ruleName: "gw_enforcement_budget_spent", title: "Budget of automatic orders is spent", level: "critical",
            status: "stable", tags: [],
            falsePositives: ["A rule that fires too often. Its alerts name it; set its respond to observe."],
            riskPoints: nil, identity: nil, time: time, firstTime: first.time, group: [], relatedEvents: [first.id],
            value: nil, limit: nil,
            message:
                "No more automatic orders are issued for now: \(reason). The first one held back is for: \(first.message)",
            context: [])
    }

    func response(_ json: inout JSONWriter) {
        guard let response else { return }
        json.object("response") {
            $0.field("action", response.action)
            if let ttl = response.ttl { $0.field("ttl", ttl) }
            if response.ttl != nil { $0.field("subject", response.subject) }
            if let session = response.session { $0.field("session", session) }
            if !response.connections.isEmpty {
                $0.array("connections", response.connections) { json, name in json.field(nil, name) }
            }
            if !response.operations.isEmpty {
                $0.array("operations", response.operations) { json, name in json.field(nil, name) }
            }
            if let decision = response.decision {
                $0.field("decision", decision.outcome.rawValue)
                if let reason = decision.reason { $0.field("reason", reason) }
                if let order = decision.orderID { $0.field("order_uid", order) }
            }
        }
    }
}
