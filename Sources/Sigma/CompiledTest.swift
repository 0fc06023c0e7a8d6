// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import PCRE2

/// A predicate ready to run over slots: no `String`, no reference counting, no allocation for the common tests.
/// Owned by a `RuleMatcher`, for one thread.
struct CompiledTest {
    enum Kind: UInt8 {
        case equals, startsWith, endsWith, contains
        case anything
        case oneOf, glob, unicodeGlob
        case number, bool, null, exists
        case regex, cidr
        case less, lessOrEqual, greater, greaterOrEqual
        case fieldReference
        case datePart
    }

    let kind: Kind
    /// Bytes compare as they are; otherwise ASCII letters compare without case.
    let cased: Bool
    /// The field; -1 asks every scalar of the event.
    let slot: SlotID
    /// The other field of a reference.
    var other = SlotID.none
    var reference = Test.Reference.equals
    /// The text of the tests that have one, lower case unless `cased`.
    var literal: UnsafeRawBufferPointer
    /// For `contains` with a long literal; see `LiteralSearch`.
    var failure: UnsafePointer<Int32>?
    /// The number of a comparison, or what `literal` is as a number, for fields that hold one.
    var number: Number?
    var flag = false
    /// Index into the matcher's tables, globs, expressions, networks or date parts.
    var aux = 0
}

/// The resources of compiled tests, kept alive as long as the tests run.
final class CompiledTests {
    private(set) var tables: [ByteTable] = []
    private(set) var globs: [Glob] = []
    private(set) var expressions: [RegularExpression] = []
    private(set) var networks: [CIDR] = []
    let dates = DatePartTests()
    private let store = LiteralStore()

    /// How often a regular expression was ended by its match limit.
    var limitReached: Int { expressions.reduce(0) { $0 + $1.limitReached } }

    func compile(_ predicate: Predicate, _ plan: inout FieldPlan) throws(RegularExpression.PatternError) -> CompiledTest
    {
        let slot = predicate.field.map { plan.slot($0.text) } ?? SlotID.none
        func make(_ kind: CompiledTest.Kind, cased: Bool = false, _ text: String = "") -> CompiledTest {
            CompiledTest(
                kind: kind, cased: cased, slot: slot, literal: store.keep((cased ? text : text.lowercased()).utf8))
        }
        switch predicate.test {
        case .pattern(let pattern, let cased): return self.pattern(pattern, cased: cased, make)
        case .oneOf(let texts):
            tables.append(ByteTable(texts.map { (Array($0.utf8), 0) }, foldingCase: true))
            var test = make(.oneOf)
            test.aux = tables.count - 1
            return test
        case .number(let number, let text):
            var test = make(.number, text.text)
            test.number = number
            return test
        case .bool(let value):
            var test = make(.bool, value ? "true" : "false")
            test.flag = value
            return test
        case .null: return make(.null)
        case .exists(let expected):
            var test = make(.exists)
            test.flag = expected
            return test
        case .regex(let source, let options):
            expressions.append(try RegularExpression(source.text, options))
            var test = make(.regex)
            test.aux = expressions.count - 1
            return test
        case .cidr(let network):
            networks.append(network)
            var test = make(.cidr)
            test.aux = networks.count - 1
            return test
        case .compare(let comparison, let limit):
            let kind: CompiledTest.Kind =
                switch comparison {
                case .lt: .less
                case .lte: .lessOrEqual
                case .gt: .greater
                case .gte: .greaterOrEqual
                }
            var test = make(kind)
            test.number = limit
            return test
        case .fieldReference(let field, let reference, let cased):
            var test = make(.fieldReference, cased: cased)
            test.other = plan.slot(field.text)
            test.reference = reference
            return test
        case .datePart(let question):
            var test = make(.datePart)
            test.aux = dates.add(question, slot)
            return test
        }
    }

    private func pattern(
        _ pattern: SigmaPattern, cased: Bool, _ make: (CompiledTest.Kind, Bool, String) -> CompiledTest
    ) -> CompiledTest {
        let tokens = pattern.tokens
        if cased || pattern.foldsAsASCII {
            if tokens == [.anyRun] { return make(.anything, cased, "") }
            if let text = pattern.exact {
                var test = make(.equals, cased, text)
                test.number = Number(plain: text)
                return test
            }
            switch (tokens.count, tokens.first, tokens.last) {
            case (2, .literal(let text), .anyRun): return make(.startsWith, cased, text.text)
            case (2, .anyRun, .literal(let text)): return make(.endsWith, cased, text.text)
            case (3, .anyRun, .anyRun):
                if case .literal(let text) = tokens[1] {
                    var test = make(.contains, cased, text.text)
                    test.failure = store.failure(of: test.literal)
                    return test
                }
            default: break
            }
        }
        globs.append(Glob(pattern, folds: !cased))
        var test = make(cased || pattern.foldsAsASCII ? .glob : .unicodeGlob, cased, "")
        // The Kelvin sign is `k` in lower case: only what stays outside ASCII rules out texts within it.
        test.flag = tokens.contains { token in
            if case .literal(let text) = token { !ExactText(text.text.lowercased()).isASCII } else { false }
        }
        test.aux = globs.count - 1
        return test
    }

    // MARK: Running

    @inline(__always)
    func run(_ test: CompiledTest, _ view: EventView) -> Bool {
        if test.slot.index < 0 { return view.anyScalar { scalar(test, $0, view) } }
        let slot = view[test.slot]
        switch slot.kind {
        case .missing:
            return test.kind == .null || test.kind == .exists && !test.flag
        case .list, .container:
            if test.kind == .exists { return test.flag }
            return view.anyValue(slot) { scalar(test, $0, view) }
        default: return scalar(test, slot, view)
        }
    }

    @inline(__always)
    private func scalar(_ test: CompiledTest, _ slot: Slot, _ view: EventView) -> Bool {
        if slot.kind == .string, test.kind == .equals {
            let length = Int(slot.bytes.count)
            guard length == test.literal.count, let a = slot.bytes.baseAddress, let b = test.literal.baseAddress else {
                return false
            }
            return test.cased ? ASCII.equal(a, b, count: length) : ASCII.equalFolding(a, b, count: length)
        }
        return other(test, slot, view)
    }

    private func other(_ test: CompiledTest, _ slot: Slot, _ view: EventView) -> Bool {
        if slot.kind == .null { return test.kind == .null || test.kind == .exists && test.flag }
        switch test.kind {
        case .null: return false
        case .exists: return test.flag
        case .anything: return true
        case .number:
            guard let number = test.number else { return false }
            if slot.kind == .int || slot.kind == .double { return number.equals(slot) }
            guard slot.kind == .string else { return false }
            if equals(slot.bytes, test.literal, cased: false) { return true }
            return number.integer == nil && Number.plain(slot.bytes) == number.value
        case .bool:
            if slot.kind == .bool { return slot.bool == test.flag }
            return slot.kind == .string && equals(slot.bytes, test.literal, cased: false)
        case .less:
            return order(slot, test) {
                $0 < $1
            } _: {
                $0 < $1
            }
        case .lessOrEqual:
            return order(slot, test) {
                $0 <= $1
            } _: {
                $0 <= $1
            }
        case .greater:
            return order(slot, test) {
                $0 > $1
            } _: {
                $0 > $1
            }
        case .greaterOrEqual:
            return order(slot, test) {
                $0 >= $1
            } _: {
                $0 >= $1
            }
        case .equals:
            if slot.kind == .int || slot.kind == .double { return test.number.map { $0.equals(slot) } ?? false }
        case .oneOf:
            if slot.kind == .double {
                guard let integer = Int64(exactly: slot.double) else { return false }
                return ASCII.withDecimal(integer) { tables[test.aux].find($0) >= 0 }
            }
        case .fieldReference:
            return view.anyValue(view[test.other]) {
                FieldComparison.holds(slot, $0, test.reference, cased: test.cased)
            }
        case .datePart: return dates.holds(test.aux, slot)
        default: break
        }
        return slot.withText { self.text(test, $0) } ?? false
    }

    @inline(__always)
    private func order(
        _ slot: Slot, _ test: CompiledTest, _ integers: (Int64, Int64) -> Bool, _ doubles: (Double, Double) -> Bool
    ) -> Bool {
        guard let limit = test.number, let value = slot.number else { return false }
        if slot.kind == .int, let integer = limit.integer { return integers(slot.int, integer) }
        return doubles(value, limit.value)
    }

    private func text(_ test: CompiledTest, _ text: UnsafeRawBufferPointer) -> Bool {
        switch test.kind {
        case .equals: return equals(text, test.literal, cased: test.cased)
        case .startsWith: return part(text, test.literal, at: 0, cased: test.cased)
        case .endsWith: return part(text, test.literal, at: text.count - test.literal.count, cased: test.cased)
        case .contains:
            let search = LiteralSearch(literal: test.literal, cased: test.cased, failure: test.failure)
            return search.first(in: text) >= 0
        case .oneOf: return tables[test.aux].find(text) >= 0
        case .glob: return globs[test.aux].matches(text)
        case .unicodeGlob:
            // Beyond ASCII, case folds by Unicode's default lower-case mapping; only rules and values with such text pay for it.
            if test.flag, text.isASCII { return false }
            var lowered = String(decoding: text, as: UTF8.self).lowercased()
            return lowered.withUTF8 { globs[test.aux].matches(UnsafeRawBufferPointer($0)) }
        case .regex: return expressions[test.aux].matches(text)
        case .cidr: return networks[test.aux].contains(text)
        default: return false
        }
    }

    private func equals(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer, cased: Bool) -> Bool {
        a.count == b.count && part(a, b, at: 0, cased: cased)
    }

    /// Whether the literal stands at an offset.
    private func part(
        _ text: UnsafeRawBufferPointer, _ literal: UnsafeRawBufferPointer, at offset: Int, cased: Bool
    ) -> Bool {
        guard offset >= 0, text.count >= literal.count else { return false }
        guard let start = text.baseAddress, let wanted = literal.baseAddress else { return literal.isEmpty }
        return cased
            ? ASCII.equal(start + offset, wanted, count: literal.count)
            : ASCII.equalFolding(start + offset, wanted, count: literal.count)
    }
}
