// SPDX-License-Identifier: Apache-2.0

package import GRDB

/// What a list asks of its rows: conditions that must all hold, with their arguments in the order of the question marks.
package struct Conditions {
    private var conditions: [String] = []
    package private(set) var values: [(any DatabaseValueConvertible)?] = []

    package init() {}

    /// Adds a condition; leaves it out where one of its values is nil, as with a filter that asks nothing.
    package mutating func add(_ condition: String, _ values: (any DatabaseValueConvertible)?...) {
        guard values.allSatisfy({ $0 != nil }) else { return }
        conditions.append(condition)
        self.values += values
    }

    /// Adds `expression IN (…)`; leaves it out where there is no list.
    package mutating func add(_ expression: String, in values: [some DatabaseValueConvertible]?) {
        guard let values else { return }
        conditions.append("\(expression) IN (\(values.map { _ in "?" }.joined(separator: ", ")))")
        self.values += values
    }

    /// What stands behind `WHERE`.
    package var sql: String { conditions.isEmpty ? "1" : conditions.joined(separator: " AND ") }

    /// - Parameter further: of what stands behind the conditions.
    package func arguments(_ further: (any DatabaseValueConvertible)?...) -> StatementArguments {
        StatementArguments(values + further)
    }
}
