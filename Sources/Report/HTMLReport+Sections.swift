// SPDX-License-Identifier: Apache-2.0

import Charts

extension HTMLReport {
    func incidents(_ html: inout HTMLWriter) {
        let incidents = report.incidents
        html.notes(incidents.notes)
        for incident in incidents.list {
            html.raw("<article>\n<h3>\(HTMLWriter.level(incident.severity)) · \(Markup.escape(incident.title))</h3>\n")
            html.raw("<p class=\"muted\"><code>\(Markup.escape(incident.id))</code>")
            if let who = incident.who { html.raw(" · <code>\(Markup.escape(who.name))</code>") }
            html.raw(" · \(Markup.escape(incident.status))</p>\n")
            html.element("p", incident.paragraph)
            html.raw("<ul class=\"timeline\">\n")
            for (index, entry) in incident.timeline.enumerated() {
                if incident.omittedEntries > 0, index == incident.timeline.count / 2 {
                    html.element("li", "… \(incident.omittedEntries) more in the console …", kind: "omitted")
                }
                html.raw(
                    "<li><time>\(document.period.words(entry.at))</time><span class=\"kind\">\(Markup.escape(entry.kind))</span>"
                )
                html.raw(
                    "<span>\(entry.who.map { Markup.escape($0) + ": " } ?? "")\(Markup.escape(entry.text))</span></li>\n"
                )
            }
            html.raw("</ul>\n")
            var words =
                "Events: " + (incident.events.isEmpty ? "not recorded" : incident.events.joined(separator: ", "))
            if incident.eventCount > incident.events.count {
                words += " and \(incident.eventCount - incident.events.count) more"
            }
            html.raw("<p class=\"note-plain muted\"><code>\(Markup.escape(words))</code></p>\n")
            if !incident.evidence.isEmpty {
                html.raw("<p class=\"note-plain muted\">Evidence:</p>\n<ul class=\"evidence\">\n")
                for row in incident.evidence {
                    html.raw("<li>row \(row.sequence) \(Markup.escape(row.action)) <code>\(row.hash)</code></li>\n")
                }
                html.raw("</ul>\n")
            }
            html.raw("</article>\n")
        }
    }

    func enforcement(_ html: inout HTMLWriter) {
        let enforcement = report.enforcement
        html.notes(enforcement.notes)
        html.cards([
            HTMLWriter.Card("Orders with effect", enforcement.inForce),
            HTMLWriter.Card("Would have acted", enforcement.wouldHaveActed, "alerts, had detectors not only observed"),
            HTMLWriter.Card("Undone", enforcement.undone, "\(enforcement.mistaken) judged mistaken"),
            HTMLWriter.Card(
                "Approvals asked", enforcement.asked, "\(enforcement.granted) granted, \(enforcement.denied) denied"),
            HTMLWriter.Card("Without a decision", enforcement.expired, "\(enforcement.pending) pending"),
            HTMLWriter.Card(
                "Mean time to act", enforcement.meanTimeToAct.map { .duration($0) } ?? .missing,
                "over \(Words.count(enforcement.timedOrders, "order"))"
            ),
            HTMLWriter.Card(
                "Refused by the budget", enforcement.refusedByBudget,
                "at most \(Words.count(enforcement.mostWithinAnHour, "order")) within an hour"),
            HTMLWriter.Card("Spared as protected", enforcement.sparedProtected, "alerts on break-glass identities"),
        ])
        for table in report.enforcementTables {
            html.table(table, empty: table.id == "protected" && enforcement.protected == nil ? "Not known" : "none")
        }
    }

    func access(_ html: inout HTMLWriter) {
        html.notes(report.access.notes)
        for table in report.accessTables { html.table(table) }
    }

    func changes(_ html: inout HTMLWriter) {
        let changes = report.changes
        html.notes(changes.notes)
        html.cards([
            HTMLWriter.Card("Changes", changes.count),
            HTMLWriter.Card("Outside of a window", changes.outOfWindow),
            HTMLWriter.Card("Without a change id", changes.withoutChangeID, "of those that went through"),
            HTMLWriter.Card("Denied", changes.denied),
        ])
        for table in report.changeTables { html.table(table) }
    }

    func detection(_ html: inout HTMLWriter) {
        let detection = report.detection
        html.notes(detection.notes)
        html.cards([
            HTMLWriter.Card(
                "Mean time to detect", detection.meanTimeToDetect.map { .duration($0) } ?? .missing,
                "first event to alert"),
            HTMLWriter.Card(
                "Arrival at the hub, p95", detection.arrivalP95.map { .duration(Double($0)) } ?? .missing,
                "event to hub"),
            HTMLWriter.Card(
                "Deliveries that arrived", detection.deliverySuccess.map { .share($0) } ?? .missing,
                "\(detection.dead) dead, \(detection.pending) pending"
            ),
            HTMLWriter.Card(
                "Delivery, p95", detection.deliveryP95.map { .duration(Double($0)) } ?? .missing, "outbox to receiver"),
            HTMLWriter.Card("Noisy rules", detection.noisy.count),
            HTMLWriter.Card("Silent rules", detection.silent.count, "8 weeks without an alert"),
            HTMLWriter.Card("Silenced", detection.silenced, "alerts, from a receiver at least once"),
            HTMLWriter.Card("Inhibited", detection.inhibited), HTMLWriter.Card("Muted", detection.muted),
        ])
        let tables = report.detectionTables
        html.table(tables[0], empty: "No rule fired")
        if !detection.noisy.isEmpty { list(&html, "Noisy rules", detection.noisy) }
        if !detection.silent.isEmpty { list(&html, "Silent rules", detection.silent) }
        html.table(tables[3], empty: "No delivery is remembered")
    }

    private func list(_ html: inout HTMLWriter, _ title: String, _ names: [String]) {
        html.element("h3", title)
        html.raw("<p>\(names.map { "<code>\(Markup.escape($0))</code>" }.joined(separator: ", "))</p>\n")
    }

    func advice(_ html: inout HTMLWriter) {
        for (table, empty) in zip(
            report.recommendationTables,
            ["Nothing needs to be done by what is recorded", "Nothing was recommended last week"])
        {
            html.table(table, empty: empty)
        }
    }

    func appendix(_ html: inout HTMLWriter) {
        let appendix = report.appendix
        html.element("h3", "Method")
        for line in appendix.method { html.element("p", line) }
        html.element("h3", "Integrity")
        let chain = appendix.integrity
        html.raw("<p>Evidence chain: \(NumberText.grouped(chain.rows)) rows before the end of the week, ")
        html.raw(chain.fits ? "all fit" : "<strong>\(Markup.escape(chain.fault ?? "it does not fit"))</strong>")
        html.raw("; last hash <code>\(Markup.escape(chain.hash))</code>; ")
        html.raw(
            chain.signedTo > 0
                ? "covered by a signed head to row \(chain.signedTo).</p>\n" : "no signed head covers it.</p>\n")
        html.raw("<p>SHA-256 of the JSON form: <code>\(document.sha256)</code></p>\n")
        if let signature = document.signature {
            html.raw("<p>Signature of the hub (JWS, EdDSA): <code>\(Markup.escape(signature))</code></p>\n")
        } else {
            html.element("p", "It is not signed: the hub has no key.")
        }
        html.element("h3", "Privacy and retention")
        for line in appendix.privacy { html.element("p", line) }
        for table in report.appendixTables { html.table(table) }
        let header = report.header
        html.element(
            "p",
            "Made by \(header.generator)"
                + (header.ruleSetHash.map { " with the rule set \($0)" } ?? "") + ".", kind: "muted")
    }
}
