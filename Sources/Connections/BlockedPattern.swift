// SPDX-License-Identifier: Apache-2.0

package import PCRE2

/// A pattern that no request of a connection may hold.
package struct BlockedPattern: Sendable {
    /// A request met a pattern, or the search for it could not be finished.
    package struct Hit: Sendable, Equatable {
        /// The pattern's name.
        package let name: String
        /// False: a limit ended the search, so the pattern may be there.
        package let isCertain: Bool

        package init(name: String, isCertain: Bool) {
            self.name = name
            self.isCertain = isCertain
        }
    }

    package let name: String
    package let pattern: SharedPattern

    package init(name: String, pattern: SharedPattern) {
        self.name = name
        self.pattern = pattern
    }
}

/// The search for all patterns through all texts of one request. Stops at the first hit.
struct PatternSearch {
    private let patterns: [BlockedPattern]
    private var budget = SearchBudget()
    private(set) var hit: BlockedPattern.Hit?

    init(_ patterns: [BlockedPattern]) {
        self.patterns = patterns
    }

    var isNeeded: Bool { !patterns.isEmpty && hit == nil }

    /// - Parameter text: valid UTF-8.
    mutating func search(_ text: UnsafeRawBufferPointer) {
        guard hit == nil else { return }
        for blocked in patterns {
            switch blocked.pattern.search(text, budget: &budget) {
            case .absent: continue
            case .found: hit = BlockedPattern.Hit(name: blocked.name, isCertain: true)
            case .undecided: hit = BlockedPattern.Hit(name: blocked.name, isCertain: false)
            }
            return
        }
    }

    mutating func search(_ text: String) {
        guard isNeeded else { return }
        var text = text
        text.withUTF8 { search(UnsafeRawBufferPointer($0)) }
    }
}
