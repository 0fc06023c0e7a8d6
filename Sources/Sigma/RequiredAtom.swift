// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// One thing that an event must show before a rule is worth trying: a value, or a part of one, in a field.
///
/// Atoms only narrow down. A rule whose atom holds is still evaluated in full, so an atom may hold too often, never too seldom.
struct RequiredAtom: Hashable {
    enum Kind: Hashable {
        /// A value of the field is this text without case.
        case equals
        /// A value begins with, ends with or holds this text without case.
        case prefix, suffix, contains
        /// The field is there.
        case present
    }

    /// Nil asks every scalar of the event: a Sigma keyword.
    let field: ExactText?
    let kind: Kind
    /// ASCII letters are lower case.
    let text: [UInt8]

    private init(field: ExactText?, kind: Kind, text: [UInt8]) {
        self.field = field
        self.kind = kind
        self.text = text
    }

    init(_ field: ExactText?, _ kind: Kind, _ text: String = "") {
        self.init(field: field, kind: kind, text: text.utf8.map { ASCII.lower($0) })
    }

    /// How many events of a hundred show this, as one guesses without having seen any: long texts are rarer than short ones,
    /// whole values rarer than parts.
    var frequency: Double {
        func rarity(_ count: Int) -> Double { (0..<min(count, 6)).reduce(100.0) { rare, _ in rare / 4 } }
        switch kind {
        case .equals: return max(0.02, rarity(text.count))
        case .prefix, .suffix: return 2 * max(0.02, rarity(text.count))
        case .contains: return (field == nil ? 16 : 4) * max(0.02, rarity(text.count))
        case .present: return 60
        }
    }

    /// Atoms of which one holds wherever the predicate does; nil when there are none such.
    static func of(_ predicate: Predicate) -> [RequiredAtom]? {
        guard let field = predicate.field else {
            guard case .pattern(let pattern, let cased) = predicate.test, cased || pattern.foldsAsASCII else {
                return nil
            }
            return part(of: pattern, nil).map { [RequiredAtom(field: nil, kind: .contains, text: $0.text)] }
        }
        switch predicate.test {
        case .pattern(let pattern, let cased):
            guard cased || pattern.foldsAsASCII else { return [RequiredAtom(field, .present)] }
            if let text = pattern.exact {
                // `1.5` is also written `1.50`.
                if let number = Number(plain: text), number.integer == nil { return [RequiredAtom(field, .present)] }
                return [RequiredAtom(field, .equals, text)]
            }
            guard let part = part(of: pattern, field) else { return [RequiredAtom(field, .present)] }
            return [part]
        case .oneOf(let texts): return texts.map { RequiredAtom(field, .equals, $0) }
        case .number(let number, let text):
            guard let integer = number.integer else { return [RequiredAtom(field, .present)] }
            return Array(Set([RequiredAtom(field, .equals, String(integer)), RequiredAtom(field, .equals, text.text)]))
        case .bool(let value): return [RequiredAtom(field, .equals, value ? "true" : "false")]
        case .exists(true), .regex, .cidr, .compare, .fieldReference, .datePart: return [RequiredAtom(field, .present)]
        // What holds for a field that is missing, and whatever is new: always tried.
        default: return nil
        }
    }

    /// The part of a pattern with wildcards that is rarest.
    private static func part(of pattern: SigmaPattern, _ field: ExactText?) -> RequiredAtom? {
        var best: RequiredAtom?
        for (index, token) in pattern.tokens.enumerated() {
            guard case .literal(let literal) = token, literal.text.utf8.count >= GramTable.length else { continue }
            let kind: Kind = index == 0 ? .prefix : index == pattern.tokens.count - 1 ? .suffix : .contains
            let atom = RequiredAtom(field, kind, literal.text)
            if best.map({ atom.cost < $0.cost }) ?? true { best = atom }
        }
        return best
    }

    /// Longer texts are rarer still where the frequency does not tell them apart.
    private var cost: Double { frequency - Double(min(text.count, 100)) / 10_000 }

    /// Whether every event that shows this value in a single-valued field makes the predicate true.
    func implies(_ predicate: Predicate) -> Bool {
        guard kind == .equals, predicate.field == field else { return false }
        switch predicate.test {
        case .pattern(_, cased: false), .oneOf: return Self.of(predicate)?.contains(self) ?? false
        case .number(let number, let written):
            guard number.integer.map(String.init) == written.text else { return false }
            return Self.of(predicate)?.contains(self) ?? false
        default: return false
        }
    }
}

extension Expression {
    /// Atoms of which one holds for every event that the expression matches, chosen by least cost; nil when there are none such
    /// and the expression must always be tried.
    func required(isNegated: Bool = false, _ cost: (RequiredAtom) -> Double) -> [RequiredAtom]? {
        switch self {
        case .predicate(let predicate): return isNegated ? nil : RequiredAtom.of(predicate)
        case .not(let part): return part.required(isNegated: !isNegated, cost)
        case .and(let parts): return isNegated ? Self.each(parts, true, cost) : Self.best(parts, false, cost)
        case .or(let parts): return isNegated ? Self.best(parts, true, cost) : Self.each(parts, false, cost)
        // At least one part holds; when fewer than wanted do, at least one does not.
        case .atLeast(_, let parts): return Self.each(parts, isNegated, cost)
        }
    }

    /// All of the parts hold, so the best atoms of one of them do.
    private static func best(_ parts: [Expression], _ isNegated: Bool, _ cost: (RequiredAtom) -> Double)
        -> [RequiredAtom]?
    {
        parts.compactMap { $0.required(isNegated: isNegated, cost) }
            .map { (atoms: $0, cost: $0.reduce(0) { $0 + cost($1) }) }
            .min { $0.cost < $1.cost }?.atoms
    }

    /// One of the parts holds, and with it one of its atoms.
    private static func each(_ parts: [Expression], _ isNegated: Bool, _ cost: (RequiredAtom) -> Double)
        -> [RequiredAtom]?
    {
        var all: Set<RequiredAtom> = []
        for part in parts {
            guard let atoms = part.required(isNegated: isNegated, cost) else { return nil }
            all.formUnion(atoms)
        }
        return Array(all)
    }

    /// Every predicate in here, repeated ones each time.
    func forEachPredicate(_ body: (Predicate) -> Void) {
        switch self {
        case .predicate(let predicate): body(predicate)
        case .not(let part): part.forEachPredicate(body)
        case .and(let parts), .or(let parts), .atLeast(_, let parts): for part in parts { part.forEachPredicate(body) }
        }
    }
}
