// SPDX-License-Identifier: Apache-2.0

import Charts
import Desk
import Hub
import Hummingbird
import Incidents
import Paging
import Web

extension Console {
    struct RuleRow: Sendable {
        let url: String
        let id: String
        let title: String
        let level: String?
        let status: StateText?
        let recent: String
        let hits: String
        let last: TimeText?
        let precision: String?
        let judged: String?
        let tests: String?
        let respond: String?
        let description: String?
        let file: String?
        let tagText: String?

        init(_ state: DetectorState, now: Int64) {
            url = Link.detector(state.id)
            id = state.id
            title = state.entry?.title ?? state.id
            level = state.entry?.level
            status = state.entry.map { StateText($0.status ?? "unset") }
            recent = Words.count(state.recentHits)
            hits = Words.count(state.hits)
            last = state.lastHitAt.map { TimeText($0, now: now) }
            precision = state.precision.map { "\(NumberText.fixed($0.precision * 100, 0)) %" }
            judged = state.precision.map {
                "\($0.trueAlerts) true, \($0.benignAlerts) benign, \($0.falseAlerts) false"
            }
            tests = state.entry.map { Words.count($0.tests) }
            respond = state.entry?.respond
            description = state.entry?.description
            file = state.entry?.file
            tagText = state.entry.flatMap { $0.tags.isEmpty ? nil : $0.tags.joined(separator: " · ") }
        }
    }

    struct DetectorsPage: Sendable {
        let count: String
        let query: String?
        let statuses: [Choice]
        let isFiltered: Bool
        let rules: [RuleRow]
    }

    struct DetectorPage: Sendable {
        let rule: RuleRow
        let alerts: [AlertRow]
        let pager: Pager?
        let source: String?
    }

    /// `/detectors`, `/detectors/RULE`.
    func addDetectors(to router: Router<WebContext>) {
        router.get("detectors") { request, context in
            let query = try request.query()
            let all = try await desk.detectors(for: try context.actor)
            let statuses = Set(all.compactMap { $0.entry?.status }).sorted()
            let rules = all.filter { state in
                if let wanted = query["status"], state.entry?.status != wanted { return false }
                guard let text = query["q"]?.lowercased() else { return true }
                let entry = state.entry
                let words = [state.id, entry?.title, entry?.name, entry?.file, entry?.tags.joined(separator: " ")]
                return words.contains { $0?.lowercased().contains(text) ?? false }
            }
            let now = now()
            return try await page(
                "Detectors", "detectors",
                DetectorsPage(
                    count: Words.count(rules.count, "rule", "rules"), query: query["q"],
                    statuses: Choice.list(
                        [("", "any")] + statuses.map { ($0, $0) }, chosen: query["status"] ?? ""),
                    isFiltered: query["q"] != nil || query["status"] != nil,
                    rules: rules.map { RuleRow($0, now: now) }), request, context)
        }
        router.get("detectors/:rule") { request, context in
            let actor = try context.actor
            let state = try await desk.detector(try context.part("rule"), for: actor)
            let cursor = try request.query()["cursor"]
            let alerts = try await desk.alerts(
                AlertFilter(rule: state.id), after: cursor, limit: 25, for: actor)
            let now = now()
            let rule = RuleRow(state, now: now)
            return try await page(
                rule.title, "detector",
                DetectorPage(
                    rule: rule, alerts: alerts.items.map { AlertRow($0, rules: rules, now: now) },
                    pager: Pager(path: Link.detector(state.id), query: [], cursor: cursor, next: alerts.next),
                    source: state.entry?.source), request, context)
        }
    }
}
