// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

/// Reads the routing part of a configuration: `route`, `inhibit_rules`, `time_intervals` and `resolve_timeout`, as Alertmanager writes
/// them. What Alertmanager refuses is refused here, with file, line, key and remedy.
package enum RoutingReader {
    /// The keys that are read.
    package static let keys = ["route", "inhibit_rules", "time_intervals", "resolve_timeout"]
    /// Routes of one tree.
    static let maximumRoutes = 10_000

    private static let routeKeys = [
        "receiver", "matchers", "group_by", "group_wait", "group_interval", "repeat_interval", "continue",
        "mute_time_intervals", "active_time_intervals", "routes",
    ]

    /// - Parameters:
    ///   - node: the mapping that has the keys above, among others.
    ///   - receivers: those that may be named.
    /// - Returns: nil where there is no `route`.
    /// - Throws: `DocumentError`.
    package static func configuration(
        _ node: YAMLNode, receivers: [KnownReceiver]
    ) throws(DocumentError) -> RoutingConfiguration? {
        guard let root = node["route"] else {
            for key in keys.dropFirst() {
                if let value = node[key] { throw value.error("\(key) needs a route. Add one: route: { receiver: … }.") }
            }
            return nil
        }
        let intervals = try node["time_intervals"].map(TimeIntervalReader.intervals) ?? []
        var reader = RouteTree(receivers: receivers.map(\.name), intervals: intervals.map(\.name))
        let route = try reader.root(root)
        var rules: [InhibitRule] = []
        for rule in node["inhibit_rules"]?.items() ?? [] { rules.append(try inhibitRule(rule)) }
        var timeout = RoutingConfiguration.standardResolveTimeout
        if let value = node["resolve_timeout"] { timeout = try PrometheusDuration.milliseconds(value) }
        let longest = route.all.map { max($0.groupWait, $0.groupInterval) }.max() ?? 0
        guard timeout > longest else {
            throw (node["resolve_timeout"] ?? root).error(
                "resolve_timeout (\(PrometheusDuration.text(timeout))) must be longer than every group_wait and group_interval (\(PrometheusDuration.text(longest)))."
            )
        }
        return RoutingConfiguration(
            route: route, inhibitRules: rules, timeIntervals: intervals,
            resolvedTo: Set(receivers.filter(\.sendsResolved).map(\.name)), resolveTimeout: timeout)
    }

    private static func inhibitRule(_ node: YAMLNode) throws(DocumentError) -> InhibitRule {
        try node.refuseKeys(except: ["name", "source_matchers", "target_matchers", "equal"])
        return InhibitRule(
            name: try node["name"]?.text(), sourceMatchers: try matchers(node.required("source_matchers")),
            targetMatchers: try matchers(node.required("target_matchers")), equal: try node["equal"]?.texts() ?? [])
    }

    fileprivate static func matchers(_ node: YAMLNode) throws(DocumentError) -> [Matcher] {
        var matchers: [Matcher] = []
        for item in node.items() {
            let text = try item.text()
            do {
                matchers += try MatcherReader.matchers(text)
            } catch {
                throw item.error("\(error).")
            }
        }
        return matchers
    }

    private struct RouteTree {
        let receivers: [String]
        let intervals: [String]
        var count = 0

        mutating func root(_ node: YAMLNode) throws(DocumentError) -> Route {
            guard node["receiver"] != nil else {
                throw node.error("the root route needs a receiver: whatever no other route takes goes there.")
            }
            for key in ["matchers", "continue", "mute_time_intervals", "active_time_intervals"] {
                if let value = node[key] {
                    throw value.error("the root route takes every alert at all times. Put \(key) on a route below it.")
                }
            }
            return try route(node, parent: nil, number: 0)
        }

        private mutating func route(_ node: YAMLNode, parent: Route?, number: Int) throws(DocumentError) -> Route {
            count += 1
            guard count <= RoutingReader.maximumRoutes else {
                throw node.error("a tree has at most \(RoutingReader.maximumRoutes) routes.")
            }
            try node.refuseKeys(except: RoutingReader.routeKeys)
            var receiver = parent?.receiver ?? ""
            if let value = node["receiver"] {
                receiver = try value.text()
                guard receivers.contains(receiver) else {
                    throw value.error(unknownKey(receiver, known: receivers, what: "receiver"))
                }
            }
            let matchers = try node["matchers"].map(RoutingReader.matchers) ?? []
            func duration(_ key: String, _ inherited: Int64?, _ standard: Int64) throws(DocumentError) -> Int64 {
                try node[key].map(PrometheusDuration.milliseconds) ?? inherited ?? standard
            }
            let interval = try duration("group_interval", parent?.groupInterval, 300_000)
            let repeats = try duration("repeat_interval", parent?.repeatInterval, 14_400_000)
            for (key, value) in [("group_interval", interval), ("repeat_interval", repeats)] where value == 0 {
                throw (node[key] ?? node).error("\(key) cannot be zero. Write 5m.")
            }
            let shell = Route(
                id: parent.map { "\($0.id)/\(number)" } ?? "0",
                key: (parent.map { "\($0.key)/" } ?? "") + matchers.text, matchers: matchers, receiver: receiver,
                grouping: try node["group_by"].map(grouping) ?? parent?.grouping ?? .labels(["incident"]),
                groupWait: try duration("group_wait", parent?.groupWait, 30_000), groupInterval: interval,
                repeatInterval: repeats, continues: try node["continue"]?.boolean() ?? false,
                muteTimeIntervals: try names(node["mute_time_intervals"]),
                activeTimeIntervals: try names(node["active_time_intervals"]), routes: [])
            var routes: [Route] = []
            for (number, child) in (node["routes"]?.items() ?? []).enumerated() {
                routes.append(try route(child, parent: shell, number: number))
            }
            return shell.with(routes)
        }

        private func grouping(_ node: YAMLNode) throws(DocumentError) -> Route.Grouping {
            let names = try node.texts()
            if names.contains("...") {
                guard names.count == 1 else {
                    throw node.error("'...' means all labels, so nothing stands beside it. Write group_by: ['...'].")
                }
                return .all
            }
            if let twice = Dictionary(grouping: names, by: { $0 }).first(where: { $0.value.count > 1 })?.key {
                throw node.error("'\(twice)' stands twice.")
            }
            return .labels(names.sorted())
        }

        private func names(_ node: YAMLNode?) throws(DocumentError) -> [String] {
            var names: [String] = []
            for item in node?.items() ?? [] {
                let name = try item.text()
                guard intervals.contains(name) else {
                    throw item.error(
                        intervals.isEmpty
                            ? "there is no time interval '\(name)'. Define it under time_intervals."
                            : unknownKey(name, known: intervals, what: "time interval"))
                }
                names.append(name)
            }
            return names
        }
    }
}

extension Route {
    fileprivate func with(_ routes: [Route]) -> Route {
        Route(
            id: id, key: key, matchers: matchers, receiver: receiver, grouping: grouping, groupWait: groupWait,
            groupInterval: groupInterval, repeatInterval: repeatInterval, continues: continues,
            muteTimeIntervals: muteTimeIntervals, activeTimeIntervals: activeTimeIntervals, routes: routes)
    }
}
