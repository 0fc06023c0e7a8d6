// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
import Sigma
import YAMLDocument

extension RuleExtension.Test {
    /// The test's events as JSON, in order, and from when to when they are, ms since the epoch.
    func written() throws -> (events: [[UInt8]], span: ClosedRange<Int64>) {
        var first = RuleTests.start
        if let text = start {
            guard let time = Array(text.utf8).withUnsafeBytes({ Timestamp.fromISO8601($0) }) else {
                throw node.error("start: '\(text)' is not an ISO 8601 time such as 2026-11-18T03:12:00Z.")
            }
            first = time
        }
        var list: [[UInt8]] = []
        var span: ClosedRange<Int64>?
        var next = first
        for group in events {
            var time = group.at.map { first + $0 } ?? next
            for index in 0..<group.count {
                var event: [String: Any] = ["time": time]
                span = min(span?.lowerBound ?? time, time)...max(span?.upperBound ?? time, time)
                for (field, value) in group.set { event[field] = try Self.json(value) }
                for (field, values) in group.vary { event[field] = try Self.json(values[index % values.count]) }
                list.append(Array(try JSONSerialization.data(withJSONObject: event)))
                time += group.every
            }
            next = time
        }
        return (list, span ?? first...first)
    }

    private static func json(_ node: YAMLNode) throws -> Any {
        switch node.content {
        case .sequence(let items): return try items.map { try json($0) }
        case .mapping: throw node.error("write the field with dots: set: { api.operation: ... }.")
        case .scalar(let scalar):
            switch scalar.resolved {
            case .null: return NSNull()
            case .bool(let value): return value
            case .int(let value): return value
            case .double(let value): return value
            case .string(let text): return text
            }
        }
    }
}
