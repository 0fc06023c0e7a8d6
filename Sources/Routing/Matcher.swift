// SPDX-License-Identifier: Apache-2.0

import PCRE2

/// One question about a label, as Alertmanager asks it: `severity=~"high|critical"`.
package struct Matcher: Sendable, CustomStringConvertible {
    /// How the value is compared.
    package enum Operator: String, Sendable {
        case equal = "="
        case notEqual = "!="
        case matches = "=~"
        case matchesNot = "!~"
    }

    /// Bytes of a regular expression.
    static let maximumPattern = 4096

    package let name: String
    package let comparison: Operator
    package let value: String
    /// Of `=~` and `!~`: the whole value must match, as in Alertmanager.
    private let pattern: SharedPattern?

    /// - Throws: ``MatcherError`` for what is no regular expression (PCRE2's).
    package init(_ name: String, _ comparison: Operator, _ value: String) throws(MatcherError) {
        self.name = name
        self.comparison = comparison
        self.value = value
        guard comparison == .matches || comparison == .matchesNot else {
            pattern = nil
            return
        }
        guard value.utf8.count <= Self.maximumPattern else {
            throw MatcherError("a regular expression has at most \(Self.maximumPattern) bytes")
        }
        do {
            pattern = try SharedPattern("\\A(?:\(value))\\z")
        } catch {
            throw MatcherError("'\(value)' is not a regular expression: \(error.message)")
        }
    }

    /// A label that is missing has the empty value. A search that reaches its limit counts as no, for `!~` too: an alert that
    /// cannot be decided goes to the route above and is not silenced.
    package func matches(_ labels: LabelSet) -> Bool {
        let text = labels[name]
        switch comparison {
        case .equal: return text == value
        case .notEqual: return text != value
        case .matches: return search(text) == .found
        case .matchesNot: return search(text) == .absent
        }
    }

    private func search(_ text: String) -> SearchOutcome {
        guard let pattern else { return .undecided }
        var budget = SearchBudget(milliseconds: 50)
        var text = text
        return text.withUTF8 { pattern.search(UnsafeRawBufferPointer($0), budget: &budget) }
    }

    /// `severity=~"high|critical"`; what ``MatcherReader`` reads.
    package var description: String {
        let isPlain = !name.isEmpty && !name.unicodeScalars.contains(where: MatcherReader.isReserved)
        return (isPlain ? name : Self.quote(name)) + comparison.rawValue + Self.quote(value)
    }

    /// In double quotes, with `"`, `\` and control characters escaped.
    static func quote(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                quoted += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

extension Matcher: Hashable {
    package static func == (left: Matcher, right: Matcher) -> Bool {
        left.name == right.name && left.comparison == right.comparison && left.value == right.value
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(comparison)
        hasher.combine(value)
    }
}

extension [Matcher] {
    /// Whether all of them hold.
    package func match(_ labels: LabelSet) -> Bool { allSatisfy { $0.matches(labels) } }

    /// `{severity="critical",team="soc"}`, in one order whatever the file's.
    package var text: String { "{" + map(\.description).sorted().joined(separator: ",") + "}" }
}

/// What is wrong with a matcher: a sentence without its end.
package struct MatcherError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
