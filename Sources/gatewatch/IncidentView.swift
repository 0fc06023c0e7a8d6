// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Finding
import Foundation
import Incidents
import JSONText
import Paging

/// An incident as somebody needs it who was just woken.
struct IncidentView {
    let incident: Incident
    let reach: [IncidentReach]
    let controls: [SeenControl]
    let timeline: Page<TimelineEntry>

    var json: [UInt8] {
        var json = JSONWriter(capacity: 4096)
        json.object {
            incident.write(to: &$0)
            $0.array("reach", reach) { json, reach in
                json.object {
                    if let resource = reach.resource { $0.field("resource", resource) }
                    $0.field("bytes", reach.bytes)
                    $0.field("items", reach.items)
                    $0.field("alerts", reach.alerts)
                }
            }
            $0.array("controls", controls) { json, control in
                json.object {
                    $0.field("id", control.id)
                    $0.field("state", control.state)
                    $0.field("at", control.at)
                    $0.field("until", control.until)
                    $0.field("who", control.who)
                    $0.field("text", control.text)
                }
            }
            $0.array("timeline", timeline.items) { json, entry in json.object { entry.write(to: &$0) } }
            if let next = timeline.next { $0.field("next", next) }
        }
        return json.bytes
    }

    var text: String {
        var rows = [
            [
                "incident",
                "\(incident.id)  \(incident.status.rawValue), \(incident.severityName), version \(incident.version)",
            ],
            ["who", incident.identity ?? "nobody that is known"],
            ["why now", why],
            ["risk", risk],
            ["since", times],
            ["whose", incident.assignee ?? "nobody's"],
        ]
        if let disposition = incident.disposition {
            rows.append(["said", "\(disposition.rawValue): \(incident.dispositionReason ?? "")"])
        }
        for (index, line) in left.enumerated() { rows.append([index == 0 ? "left" : "", line]) }
        if controls.isEmpty { rows.append(["in force", "no order that the hub has seen"]) }
        for (index, control) in controls.enumerated() {
            let until = Timestamp.iso8601(control.until)
            rows.append([
                index == 0 ? "in force" : "",
                "\(control.state) until \(until), by \(control.who)  \(control.text)  [\(control.id)]",
            ])
        }
        var lines = [Terminal.table(rows.map { $0.map(Terminal.clean) }), ""]
        if let next = timeline.next { lines.append("  earlier lines with --cursor \(next)") }
        let entries = timeline.items.reversed().map { entry in
            [
                "  " + Timestamp.iso8601(entry.at), entry.kind.rawValue, Terminal.clean(entry.who ?? "-"),
                Terminal.clean(entry.text),
            ]
        }
        lines.append(entries.isEmpty ? "  nothing" : Terminal.table(Array(entries)))
        return lines.joined(separator: "\n")
    }

    private var why: String {
        guard let latest = timeline.items.first(where: { $0.kind == .alert }), latest.text != incident.title else {
            return incident.title
        }
        return "\(incident.title); lately: \(latest.text)"
    }

    private var risk: String {
        guard let score = incident.riskScore else { return "not computed" }
        let terms = incident.riskTerms.map { term in
            "\(term.rule) \(String(format: "%g", term.points))" + (term.alerts > 1 ? " (\(term.alerts) alerts)" : "")
        }
        return "\(score)" + (terms.isEmpty ? "" : " = " + terms.joined(separator: " + "))
    }

    private var times: String {
        let alerts = incident.alerts == 1 ? "one alert" : "\(incident.alerts) alerts"
        let end =
            switch (incident.status, incident.closedAt) {
            case (.closed, let at?): "closed \(Timestamp.iso8601(at)) (\(incident.closedWhy?.rawValue ?? "-"))"
            default: "closes \(Timestamp.iso8601(incident.closesAt)) if quiet"
            }
        return
            "\(Timestamp.iso8601(incident.openedAt)), \(alerts), the last \(Timestamp.iso8601(incident.lastAlertAt)), \(end)"
    }

    private var left: [String] {
        guard reach.contains(where: { $0.bytes > 0 || $0.items > 0 }) else { return ["nothing that the alerts name"] }
        return reach.map { "\($0.bytes) bytes, \($0.items) items  \($0.resource ?? "-")" }
    }
}
