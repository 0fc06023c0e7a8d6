// SPDX-License-Identifier: Apache-2.0

package import AuditEvent
package import GRDB

/// One point of a series: what was counted from `at` on, for one step.
package struct ActivityPoint: Sendable, Equatable {
    /// ms since the epoch, UTC.
    package var at: Int64
    package var sums: ActivitySums

    package init(at: Int64, sums: ActivitySums) {
        self.at = at
        self.sums = sums
    }
}

extension ActivityStore {
    /// How long a point of a series is. Hours and days are those of UTC.
    package enum Step: Int64, Sendable {
        case hour = 3_600_000
        case day = 86_400_000
    }

    /// Which events a series or a sum counts.
    package struct Selection: Sendable, Equatable {
        /// The row id of one identity; nil for all together.
        package var identity: Int64?
        package var accessClass: AccessClass?
        package var operation: String?
        package var decision: Decision?

        package init(
            identity: Int64? = nil, accessClass: AccessClass? = nil, operation: String? = nil, decision: Decision? = nil
        ) {
            self.identity = identity
            self.accessClass = accessClass
            self.operation = operation
            self.decision = decision
        }

        fileprivate func condition(_ range: Range<Int64>) -> (sql: String, arguments: StatementArguments) {
            var conditions = ["hour >= ?", "hour < ?"]
            var arguments: [(any DatabaseValueConvertible)?] = [
                range.lowerBound / 3_600_000, (range.upperBound + 3_599_999) / 3_600_000,
            ]
            if let identity {
                conditions.append("identity_id = ?")
                arguments.append(identity)
            }
            if let accessClass { conditions.append("operation IN (\(OperationTable.list(accessClass)))") }
            if let operation {
                conditions.append("operation = ?")
                arguments.append(operation)
            }
            if let decision { conditions.append("decision = '\(decision.name)'") }
            return (
                "FROM \(identity == nil ? "hour_totals" : "hours") WHERE \(conditions.joined(separator: " AND "))",
                StatementArguments(arguments)
            )
        }
    }

    private static let sums =
        "sum(events) AS events, sum(items) AS items, sum(bytes_in) AS bytes_in, sum(bytes_out) AS bytes_out"

    /// A point for each step of a time range, also for those without events; hours that the range cuts count whole.
    ///
    /// - Parameter range: ms since the epoch, at most ``maximumPoints`` steps; it is cut to that, from its end.
    /// - Throws: SQLite's error.
    package static func series(
        _ selection: Selection = Selection(), in range: Range<Int64>, step: Step, in db: Database
    ) throws -> [ActivityPoint] {
        let length = step.rawValue
        let end = (max(range.upperBound, 0) + length - 1) / length
        let start = max(max(range.lowerBound, 0) / length, end - Int64(maximumPoints))
        guard start < end else { return [] }
        var points = (start..<end).map { ActivityPoint(at: $0 * length, sums: ActivitySums()) }
        let (sql, arguments) = selection.condition(start * length..<end * length)
        let rows = try Row.fetchCursor(
            db, sql: "SELECT hour / \(length / 3_600_000) AS step, \(sums) \(sql) GROUP BY step", arguments: arguments)
        while let row = try rows.next() {
            let step: Int64 = row["step"]
            guard (start..<end).contains(step) else { continue }
            points[Int(step - start)].sums = ActivitySums(row)
        }
        return points
    }

    /// One number for the whole of a time range; hours that it cuts count whole.
    ///
    /// - Throws: SQLite's error.
    package static func total(
        _ selection: Selection = Selection(), in range: Range<Int64>, in db: Database
    ) throws -> ActivitySums {
        let (sql, arguments) = selection.condition(range)
        return try Row.fetchOne(db, sql: "SELECT \(sums) \(sql)", arguments: arguments).map { ActivitySums($0) }
            ?? ActivitySums()
    }

    /// What was done through which connection and what became of it.
    package struct OperationSums: Sendable, Equatable {
        package var connection: String
        package var operation: String
        /// Nil for `logon` and what else is no operation of the list.
        package var accessClass: AccessClass?
        package var decision: Decision
        package var sums: ActivitySums
    }

    /// The operations of an identity or of all, the most events first.
    ///
    /// - Throws: SQLite's error.
    package static func operations(
        _ selection: Selection = Selection(), in range: Range<Int64>, limit: Int = 200, in db: Database
    ) throws -> [OperationSums] {
        let (sql, arguments) = selection.condition(range)
        return try Row.fetchAll(
            db,
            sql: """
                SELECT connections.name, operation, decision, grouped.events, items, bytes_in, bytes_out FROM (
                    SELECT connection_id, operation, decision, \(sums) \(sql) GROUP BY connection_id, operation, decision
                ) AS grouped JOIN connections ON connections.id = connection_id
                ORDER BY events DESC, connections.name, operation, decision LIMIT ?
                """, arguments: arguments + [clamped(limit)]
        ).map { row in
            let operation: String = row["operation"]
            let decision: String = row["decision"]
            return OperationSums(
                connection: row["name"], operation: operation,
                accessClass: Operation(rawValue: operation)?.accessClass,
                decision: Decision.allCases.first { $0.name == decision } ?? .allowed, sums: ActivitySums(row))
        }
    }
}
