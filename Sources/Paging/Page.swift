// SPDX-License-Identifier: Apache-2.0

/// A part of a list, and where the next part begins.
package struct Page<Item: Sendable>: Sendable {
    package var items: [Item]
    /// To be given back for the next part; nil at the end.
    package var next: String?

    package init(items: [Item], next: String? = nil) {
        self.items = items
        self.next = next
    }

    /// A page of so many of the rows, which are read one further than fits.
    package init(_ rows: [Item], size: Int, cursor: (Item) -> String) {
        items = Array(rows.prefix(size))
        next = rows.count > size ? items.last.map(cursor) : nil
    }

    package func map<Other: Sendable>(_ body: (Item) throws -> Other) rethrows -> Page<Other> {
        Page<Other>(items: try items.map(body), next: next)
    }
}

extension Page: Equatable where Item: Equatable {}

/// The texts in which a list says where it goes on: values with dots between them, of which the last may hold dots.
package enum Cursor {
    /// The numbers of a cursor, and what stands behind them.
    ///
    /// - Throws: ``BadCursor``.
    package static func read(
        _ text: String, numbers count: Int, hasText: Bool = false
    ) throws(BadCursor) -> (numbers: [Int64], text: String) {
        let parts = text.split(separator: ".", maxSplits: hasText ? count : Int.max, omittingEmptySubsequences: false)
        let numbers = parts.prefix(count).compactMap { Int64($0) }
        guard parts.count == (hasText ? count + 1 : count), numbers.count == count, text.utf8.count <= 1_024 else {
            throw BadCursor(cursor: String(text.prefix(80)))
        }
        return (numbers, hasText ? String(parts[count]) : "")
    }
}

/// A cursor that the list did not give.
package struct BadCursor: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was given, its beginning.
    package let cursor: String

    package var description: String { "'\(cursor)' is no cursor of this list: begin without one" }
}
