// SPDX-License-Identifier: Apache-2.0

import PCRE2

/// One question about one field of an event. Equal predicates of several rules are asked once per event.
struct Predicate: Hashable, Sendable {
    /// Nil asks every scalar of the event: a Sigma keyword.
    let field: ExactText?
    let test: Test

    init(field: String?, test: Test) {
        self.field = field.map { ExactText($0) }
        self.test = test
    }
}

/// What is asked of a field's value.
enum Test: Hashable, Sendable {
    enum Comparison: String, Hashable, Sendable { case lt, lte, gt, gte }
    enum Reference: Hashable, Sendable { case equals, contains, startsWith, endsWith }

    case pattern(SigmaPattern, cased: Bool)
    /// Any of several texts without wildcards and without case.
    case oneOf([String])
    /// A number, and how it is written where the field holds a text.
    case number(Number, text: ExactText)
    case bool(Bool)
    /// The field is missing or null.
    case null
    case exists(Bool)
    case regex(ExactText, RegularExpression.Options)
    case cidr(CIDR)
    case compare(Comparison, Number)
    case fieldReference(ExactText, Reference, cased: Bool)
    case datePart(DatePartQuestion)
}

/// A condition over predicates.
indirect enum Expression: Hashable, Sendable {
    case predicate(Predicate)
    case and([Expression])
    case or([Expression])
    case not(Expression)
    /// At least so many of them; more than one, fewer than all.
    case atLeast(Int, [Expression])

    /// How many predicates there are, repeated ones counted each time.
    var size: Int {
        switch self {
        case .predicate: 1
        case .and(let parts), .or(let parts): parts.reduce(0) { $0 + $1.size }
        case .not(let part): part.size
        // The branching program has each part once for every number that may still be missing.
        case .atLeast(let count, let parts):
            parts.reduce(0) { $0 + $1.size } * min(count, parts.count - count + 1)
        }
    }
}
