// SPDX-License-Identifier: Apache-2.0

import Fixtures
import Foundation
import Testing

/// An event of the day as Foundation reads it, flat: `resources.0.name` and the like.
struct ParsedEvent: Sendable {
    let time: Int64
    let identity: String
    private var texts: [String: String] = [:]
    private var integers: [String: Int] = [:]

    init(_ event: FixtureEvent) throws {
        time = event.timeMilliseconds
        identity = event.identity
        let json = try JSONSerialization.jsonObject(with: Data(event.json))
        try #require(json is [String: Any])
        flatten(json, "")
    }

    private mutating func flatten(_ value: Any, _ path: String) {
        switch value {
        case let object as [String: Any]:
            for (key, child) in object { flatten(child, path.isEmpty ? key : "\(path).\(key)") }
        case let array as [Any]:
            for (index, child) in array.enumerated() { flatten(child, "\(path).\(index)") }
        case let text as String: texts[path] = text
        case let number as NSNumber: integers[path] = number.intValue
        default: Issue.record("\(path) is \(value)")
        }
    }

    func integer(_ path: String) -> Int? { integers[path] }
    func text(_ path: String) -> String? { texts[path] }

    var uid: String? { text("metadata.uid") }
    var operation: String? { text("api.operation") }
    var succeeded: Bool { integer("status_id") == 1 }
    var isLogon: Bool { integer("class_uid") == 3002 }
    /// `user.uid` of an authentication, `actor.user.uid` of everything else.
    var userUID: String? { text(isLogon ? "user.uid" : "actor.user.uid") }
    /// The first group: the role.
    var role: String? { text(isLogon ? "user.groups.0.name" : "actor.user.groups.0.name") }
    var resource: String? { text("resources.0.name") }
    var approval: String? { text("unmapped.approval_id") }
}

/// The default day, parsed once for all tests.
enum SharedDay {
    static let result = Result {
        let day = try FixtureDay()
        return (day: day, events: try day.events.map(ParsedEvent.init))
    }
}

extension [ParsedEvent] {
    var byIdentity: [String: [ParsedEvent]] { Dictionary(grouping: self, by: \.identity) }

    /// The largest value that any window `(t - span, t]` gives, the naive way.
    func largest(within span: Int64, _ value: ([ParsedEvent]) -> Int) -> Int {
        var result = 0
        var first = 0
        for last in indices {
            while self[first].time <= self[last].time - span { first += 1 }
            result = Swift.max(result, value(Array(self[first...last])))
        }
        return result
    }

    var items: Int { reduce(0) { $0 + ($1.integer("unmapped.items") ?? 0) } }

    /// The most failures (not of expired tokens) in the ten minutes before a success.
    var failuresBeforeSuccess: Int {
        let logons = filter(\.isLogon)
        var result = 0
        for success in logons where success.succeeded {
            let failures = logons.filter {
                !$0.succeeded && $0.text("status_detail") != "expired token" && $0.time <= success.time
                    && $0.time > success.time - 600_000
            }
            result = Swift.max(result, failures.count)
        }
        return result
    }

    var unapprovedCheckpoints: Set<String> {
        Set(filter { $0.operation == "checkpoint.download" && $0.approval == nil }.compactMap(\.resource))
    }

    var configurationChanges: [ParsedEvent] {
        filter { $0.operation == "config.change" || $0.operation == "policy.change" }
    }
}
