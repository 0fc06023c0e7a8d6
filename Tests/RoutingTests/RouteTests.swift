// SPDX-License-Identifier: Apache-2.0

import Foundation
import Routing
import Testing
import YAMLDocument

@Suite struct RouteTests {
    /// The tree of Alertmanager's own test of routes, with today's matchers.
    private let tree = """
        route:
          receiver: notify-def
          group_by: []
          routes:
          - matchers: [owner="team-A"]
            receiver: notify-A
            routes:
            - matchers: [env="testing"]
              receiver: notify-testing
              group_by: ['...']
            - matchers: [env="production"]
              receiver: notify-productionA
              group_wait: 1m
              continue: true
            - matchers: ['env=~"produ.*"', 'job=~".*"']
              receiver: notify-productionB
              group_wait: 30s
              group_interval: 5m
              repeat_interval: 1h
              group_by: [job]
          - matchers: ['owner=~"team-(B|C)"']
            group_by: [foo, bar]
            group_wait: 2m
            receiver: notify-BC
          - matchers: [group_by="role"]
            group_by: [role]
            routes:
            - matchers: [env="testing"]
              receiver: notify-testing
              routes:
              - matchers: [wait="long"]
                group_wait: 2m
        """
    private let receivers = [
        "notify-def", "notify-A", "notify-testing", "notify-productionA", "notify-productionB", "notify-BC",
    ]
    .map { KnownReceiver(name: $0) }

    private func taken(_ pairs: KeyValuePairs<String, String>) throws -> [Route] {
        try configuration(tree, receivers: receivers).route.match(labels(pairs))
    }

    @Test func theTreeOfAlertmanagersTestRoutesAsThere() throws {
        func said(_ pairs: KeyValuePairs<String, String>) throws -> [String] {
            try taken(pairs).map { route in
                let times = [route.groupWait, route.groupInterval, route.repeatInterval ?? 0].map(
                    PrometheusDuration.text)
                let grouping =
                    if case .labels(let names) = route.grouping { names.joined(separator: "+") } else { "..." }
                return "\(route.receiver) [\(grouping)] \(times.joined(separator: " "))"
            }
        }
        #expect(try said([:]) == ["notify-def [] 30s 5m 4h"])
        #expect(try said(["owner": "team-A"]) == ["notify-A [] 30s 5m 4h"])
        #expect(try said(["owner": "team-A", "env": "unset"]) == ["notify-A [] 30s 5m 4h"])
        #expect(try said(["owner": "team-C"]) == ["notify-BC [bar+foo] 2m 5m 4h"])
        #expect(try said(["owner": "team-A", "env": "testing"]) == ["notify-testing [...] 30s 5m 4h"])
        #expect(
            try said(["owner": "team-A", "env": "production"])
                == ["notify-productionA [] 1m 5m 4h", "notify-productionB [job] 30s 5m 1h"])
        #expect(try said(["group_by": "role"]) == ["notify-def [role] 30s 5m 4h"])
        #expect(try said(["env": "testing", "group_by": "role"]) == ["notify-testing [role] 30s 5m 4h"])
        #expect(try said(["env": "testing", "group_by": "role", "wait": "long"]) == ["notify-testing [role] 2m 5m 4h"])
    }

    @Test func aGroupIsKnownByTheMatchersOnItsPath() throws {
        let route = try #require(try taken(["owner": "team-A", "env": "production"]).last)
        #expect(route.key == #"{}/{owner="team-A"}/{env=~"produ.*",job=~".*"}"# && route.id == "0/0/2")
        let set = labels(["job": "nightly", "env": "production"])
        #expect(route.groupKey(route.groupLabels(set)) == route.key + #":{job="nightly"}"#)
        #expect(try taken(["owner": "team-A", "env": "testing"]).first?.groupLabels(set) == set)
    }

    @Test func withoutSettingsTheyAreAlertmanagersButGroupedByIncident() throws {
        let route = try configuration("route: { receiver: default }").route
        #expect(route.grouping == .labels(["incident"]))
        #expect(route.groupWait == 30 * second && route.groupInterval == 5 * minute && route.repeatInterval == 4 * hour)
    }

    @Test func muteTimesAreNotInherited() throws {
        let route = try configuration(
            """
            time_intervals: [{ name: night, time_intervals: [{ times: [{ start_time: "00:00", end_time: "06:00" }] }] }]
            route:
              receiver: default
              routes:
              - matchers: [a=b]
                mute_time_intervals: [night]
                routes: [{ matchers: [c=d] }]
            """
        ).route
        #expect(route.match(labels(["a": "b"])).first?.muteTimeIntervals == ["night"])
        #expect(route.match(labels(["a": "b", "c": "d"])).first?.muteTimeIntervals == [])
    }

    @Test(arguments: [
        ("route: { group_wait: 1s }", "gatewatch.yml:1:8: route: the root route needs a receiver"),
        ("route: { receiver: pagr }", "route.receiver: unknown receiver 'pagr'. Did you mean 'pager'?"),
        ("route: { receiver: default, matchers: [a=b] }", "route.matchers: the root route takes every alert"),
        ("route: { receiver: default, continue: true }", "route.continue: the root route takes every alert"),
        ("route: { receiver: default, mute_time_intervals: [x] }", "route.mute_time_intervals: the root route"),
        ("route: { receiver: default, active_time_intervals: [x] }", "route.active_time_intervals: the root route"),
        ("route: { receiver: default, routes: [{ receiver: x }] }", "route.routes[0].receiver: unknown receiver 'x'"),
        ("route: { receiver: default, routes: [{ mute_time_intervals: [x] }] }", "there is no time interval 'x'"),
        ("route: { receiver: default, routes: [{ active_time_intervals: [x] }] }", "there is no time interval 'x'"),
        ("route: { receiver: default, group_by: ['...', a] }", "route.group_by: '...' means all labels"),
        ("route: { receiver: default, group_by: [a, a] }", "route.group_by: 'a' stands twice"),
        ("route: { receiver: default, group_interval: 0s }", "route.group_interval: group_interval cannot be zero"),
        ("route: { receiver: default, repeat_interval: 0s }", "route.repeat_interval: repeat_interval cannot be zero"),
        ("route: { receiver: default, group_wait: 5 }", "'5' is not a duration. Write 30s"),
        ("route: { receiver: default, group_wait: 1s1m }", "'1s1m' is not a duration"),
        ("route: { receiver: default, groupby: [a] }", "unknown key 'groupby'. Did you mean 'group_by'?"),
        (
            "route: { receiver: default, routes: [{ matchers: ['a=~\"(\"'] }] }",
            "route.routes[0].matchers[0]: '(' is not a regular"
        ),
        (
            "route: { receiver: default, routes: [{ matchers: [a] }] }",
            "route.routes[0].matchers[0]: expected one of = != =~ !~"
        ),
        (
            "route: { receiver: default }\ninhibit_rules: [{ target_matchers: [a=b] }]",
            "the key 'source_matchers' is missing"
        ),
        ("route: { receiver: default, group_interval: 2d }", "resolve_timeout (1d) must be longer than every"),
        ("inhibit_rules: []", "inhibit_rules: inhibit_rules needs a route"),
        ("route: &r { receiver: default, routes: [*r] }", "gatewatch.yml"),
    ])
    func whatAlertmanagerRefusesIsRefusedWithItsPlace(_ yaml: String, _ message: String) throws {
        do {
            _ = try configuration(yaml)
            Issue.record("it was taken: \(yaml)")
        } catch {
            #expect("\(error)".contains(message), "\(error)")
        }
    }

    @Test func theExampleOfTheDocumentationDoesWhatItSays() throws {
        let page = try String(
            contentsOfFile: #filePath.replacing("Tests/RoutingTests/RouteTests.swift", with: "docs/routing.md"),
            encoding: .utf8)
        let yaml = try #require(page.split(separator: "```yaml\n").dropFirst().first?.split(separator: "```").first)
        let hub = try #require(try YAMLReader.documents(text: String(yaml), file: "routing.md").first?["hub"])
        let read = try #require(
            try RoutingReader.configuration(
                hub, receivers: ["archive", "pager", "chat"].map { KnownReceiver(name: $0) }))
        func receivers(_ severity: String) -> [String] {
            read.route.match(labels(["severity": severity, "incident": "i1"])).map(\.receiver)
        }
        #expect(receivers("critical") == ["archive", "pager"] && receivers("low") == ["archive", "chat"])
        #expect(receivers("high") == ["archive", "chat"])
        #expect(read.inhibitRules.count == 1 && read.timeIntervals.count == 1)
    }

    @Test func durationsReadAsPrometheusWritesThem() {
        #expect(PrometheusDuration.milliseconds("1h30m") == 90 * minute)
        #expect(PrometheusDuration.milliseconds("1w2d3h4m5s6ms") == 788_645_006)
        #expect(PrometheusDuration.milliseconds("0s") == 0 && PrometheusDuration.milliseconds("0") == 0)
        for text in ["", "5", "m", "1m1h", "1h1h", "-1s", "1.5h", "1 h", "11y", "99999999999999999999s", "١s"] {
            #expect(PrometheusDuration.milliseconds(text) == nil, "\(text)")
        }
    }
}
