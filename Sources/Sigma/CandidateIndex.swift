// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// Tells which of many rules are worth trying on an event: those of which the event shows a required atom, and those that have
/// none. So rules that ask for values which hardly ever come cost next to nothing, however many there are. For one thread.
///
/// Per field there is one table of whole values, and one pass over the text for all parts of values.
final class CandidateIndex {
    /// What an atom that holds stands for.
    private struct Entry {
        /// Rules to try: first and last + 1 in `marks`.
        var from: Int32
        var to: Int32
        /// Predicates that hold with it: first and last + 1 in `truths`.
        var truthsFrom: Int32
        var truthsTo: Int32
    }

    /// Rules to try, in one word of `candidates`.
    private struct Mark {
        let word: Int
        var bits: UInt64
    }

    private struct Field {
        /// -1 asks every scalar of the event.
        let slot: SlotID
        /// Values give entries.
        var equals: Unmanaged<ByteTable>?
        var prefix: Unmanaged<GramTable>?
        var suffix: Unmanaged<GramTable>?
        var contains: Unmanaged<GramTable>?
        /// The entry of rules to try when the field is there; -1: none.
        var present: Int32 = -1
        /// The entry of all rules of the field, for values that can be written in several ways.
        var all: Int32 = -1
        /// The number that was looked for last, and its entry: -1 for none.
        var latest: Int64 = 0
        var latestEntry: Int32 = -2
        /// Whether parts of values give entries.
        var hasParts: Bool { prefix != nil || suffix != nil || contains != nil }
    }

    private let fields: UnsafeMutableBufferPointer<Field>
    private let entries: UnsafeMutableBufferPointer<Entry>
    /// Per entry, the event in which it was seen last: a text that holds one literal a thousand times counts once.
    private let seen: UnsafeMutableBufferPointer<UInt64>
    private let marks: UnsafeMutableBufferPointer<Mark>
    private let truths: UnsafeMutableBufferPointer<Int32>
    /// One bit per rule: always tried, and to try for the event at hand.
    private let always: UnsafeMutableBufferPointer<UInt64>
    private let candidates: UnsafeMutableBufferPointer<UInt64>
    private let answers: PredicateAnswers
    /// The entries that the event at hand shows.
    private let shown: UnsafeMutablePointer<Int32>
    @exclusivity(unchecked) private var count = 0
    private let tables: [AnyObject]

    /// - Parameters:
    ///   - predicates: the numbers of predicates in `answers`.
    init(
        _ expressions: [Expression], predicates: [Predicate: Int32], answers: PredicateAnswers, plan: inout FieldPlan
    ) {
        var uses: [RequiredAtom: Double] = [:]
        for expression in expressions {
            expression.forEachPredicate { for atom in RequiredAtom.of($0) ?? [] { uses[atom, default: 0] += 1 } }
        }
        // What many rules ask for is more likely a frequent value, and when it comes, all of them are tried.
        func cost(_ atom: RequiredAtom) -> Double { atom.frequency * max(1, uses[atom] ?? 1) }

        var draft = Draft(ruleCount: expressions.count)
        for (rule, expression) in expressions.enumerated() {
            guard let atoms = expression.required(cost) else {
                draft.always[rule >> 6] |= 1 << UInt64(rule & 63)
                continue
            }
            for atom in atoms { draft.rules[atom, default: []].append(Int32(rule)) }
        }
        draft.build(predicates, &plan)
        fields = EventDecoder.lasting(draft.fields)
        entries = EventDecoder.lasting(draft.entries)
        seen = EventDecoder.lasting([UInt64](repeating: 0, count: draft.entries.count))
        marks = EventDecoder.lasting(draft.markList)
        truths = EventDecoder.lasting(draft.truthList)
        always = EventDecoder.lasting(draft.always)
        candidates = EventDecoder.lasting(draft.always)
        tables = draft.tables
        let places = max(MatchPlans.maximumEntries, draft.entries.count)
        shown = .allocate(capacity: places)
        shown.initialize(repeating: -1, count: places)
        self.answers = answers
    }

    deinit {
        fields.deallocate()
        entries.deallocate()
        seen.deallocate()
        marks.deallocate()
        truths.deallocate()
        always.deallocate()
        candidates.deallocate()
        shown.deallocate()
    }

    /// What the index knows of an event: which entries it shows, each once.
    struct Shown {
        let entries: UnsafePointer<Int32>
        let count: Int

        /// The first of them, -1 behind the last.
        @inline(__always)
        var first: MatchPlans.Entries { UnsafeRawPointer(entries).loadUnaligned(as: MatchPlans.Entries.self) }
    }

    /// Looks at an event; valid until the next one.
    @inline(__always)
    func look(at view: EventView) -> Shown {
        UnsafeMutableRawPointer(shown).storeBytes(
            of: MatchPlans.Entries(repeating: .max), as: MatchPlans.Entries.self)
        count = 0
        var field = fields.baseAddress.unsafelyUnwrapped
        let end = field + fields.count
        while field != end {
            look(view, field)
            field += 1
        }
        return Shown(entries: shown, count: count)
    }

    @inline(__always)
    private func look(_ view: EventView, _ field: UnsafeMutablePointer<Field>) {
        guard field.pointee.slot.index >= 0 else {
            _ = view.anyScalar { slot in
                search(slot, field)
                return false
            }
            return
        }
        let slot = view[field.pointee.slot]
        if slot.kind == .missing { return }
        if field.pointee.present >= 0 { show(field.pointee.present) }
        if slot.kind == .list {
            _ = view.anyValue(slot) { value in
                look(value, field)
                return false
            }
        } else {
            look(slot, field)
        }
    }

    /// The rules worth trying on an event: one bit each, valid until the next event. What is known of predicates goes to the answers.
    func select(_ shown: Shown) -> UnsafeMutableBufferPointer<UInt64> {
        for word in 0..<always.count { candidates[word] = always[word] }
        for index in 0..<shown.count { mark(shown.entries[index]) }
        return candidates
    }

    @inline(__always)
    private func look(_ slot: Slot, _ field: UnsafeMutablePointer<Field>) {
        switch slot.kind {
        case .string:
            if let table = field.pointee.equals {
                let entry = table._withUnsafeGuaranteedRef { $0.find(slot.bytes) }
                if entry >= 0 { show(entry) }
            }
        case .int:
            if field.pointee.latest != slot.int || field.pointee.latestEntry == -2 {
                field.pointee.latest = slot.int
                field.pointee.latestEntry = entry(slot, field)
            }
            if field.pointee.latestEntry >= 0 { show(field.pointee.latestEntry) }
        case .bool:
            if case let entry = entry(slot, field), entry >= 0 { show(entry) }
        case .double:
            show(field.pointee.all)
            return
        default: return
        }
        if field.pointee.hasParts { search(slot, field) }
    }

    @inline(never)
    private func entry(_ slot: Slot, _ field: UnsafeMutablePointer<Field>) -> Int32 {
        guard let table = field.pointee.equals else { return -1 }
        return slot.withText { text in table._withUnsafeGuaranteedRef { $0.find(text) } } ?? -1
    }

    @inline(never)
    private func search(_ slot: Slot, _ field: UnsafeMutablePointer<Field>) {
        let field = field.pointee
        _ = slot.withText { text in
            func look(_ table: Unmanaged<GramTable>?, _ text: UnsafeRawBufferPointer) {
                table?._withUnsafeGuaranteedRef { $0.find(in: text) { show($0) } }
            }
            look(field.contains, text)
            // A prefix stands within the first bytes, a suffix within the last.
            look(field.prefix, UnsafeRawBufferPointer(rebasing: text.prefix(GramTable.compared)))
            look(field.suffix, UnsafeRawBufferPointer(rebasing: text.suffix(GramTable.compared)))
        }
    }

    @inline(__always)
    private func show(_ index: Int32) {
        guard seen[Int(index)] != answers.event else { return }
        seen[Int(index)] = answers.event
        shown[count] = index
        count &+= 1
    }

    private func mark(_ index: Int32) {
        let entry = entries[Int(index)]
        var at = Int(entry.from)
        while at < Int(entry.to) {
            candidates[marks[at].word] |= marks[at].bits
            at &+= 1
        }
        at = Int(entry.truthsFrom)
        while at < Int(entry.truthsTo) {
            answers.set(Int(truths[at]), true)
            at &+= 1
        }
    }

    /// The index while it is made.
    private struct Draft {
        var rules: [RequiredAtom: [Int32]] = [:]
        var always: [UInt64]
        var fields: [Field] = []
        var entries: [Entry] = []
        var markList: [Mark] = []
        var truthList: [Int32] = []
        var tables: [AnyObject] = []

        init(ruleCount: Int) {
            always = [UInt64](repeating: 0, count: (ruleCount + 63) / 64)
        }

        mutating func build(_ predicates: [Predicate: Int32], _ plan: inout FieldPlan) {
            var truths: [RequiredAtom: [Int32]] = [:]
            for (predicate, number) in predicates {
                for atom in RequiredAtom.of(predicate) ?? [] where rules[atom] != nil && atom.implies(predicate) {
                    truths[atom, default: []].append(number)
                }
            }
            let byField = Dictionary(grouping: rules.keys, by: \.field)
            for (name, atoms) in byField.sorted(by: { ($0.key?.text ?? "") < ($1.key?.text ?? "") }) {
                var field = Field(slot: name.map { plan.slot($0.text) } ?? .none)
                var all: Set<Int32> = []
                var texts: [RequiredAtom.Kind: [(text: [UInt8], value: Int32)]] = [:]
                for atom in atoms {
                    all.formUnion(rules[atom] ?? [])
                    let entry = add(rules[atom] ?? [], truths: truths[atom] ?? [])
                    switch atom.kind {
                    case .present: field.present = entry
                    case .prefix:
                        texts[.prefix, default: []].append((Array(atom.text.prefix(GramTable.compared)), entry))
                    case .suffix:
                        texts[.suffix, default: []].append((Array(atom.text.suffix(GramTable.compared)), entry))
                    case .equals, .contains: texts[atom.kind, default: []].append((atom.text, entry))
                    }
                }
                field.all = add(all.sorted(), truths: [])
                if let values = texts[.equals] {
                    field.equals = keep(ByteTable(values.map { ($0.text, $0.value) }, foldingCase: true))
                }
                field.prefix = texts[.prefix].map { keep(GramTable($0)) }
                field.suffix = texts[.suffix].map { keep(GramTable($0)) }
                field.contains = texts[.contains].map { keep(GramTable($0)) }
                fields.append(field)
            }
        }

        private mutating func add(_ rules: [Int32], truths: [Int32]) -> Int32 {
            let from = markList.count
            for rule in rules.sorted() {
                let (word, bit) = (Int(rule >> 6), UInt64(1) << UInt64(rule & 63))
                if markList.count > from, markList[markList.count - 1].word == word {
                    markList[markList.count - 1].bits |= bit
                } else {
                    markList.append(Mark(word: word, bits: bit))
                }
            }
            let entry = Entry(
                from: Int32(from), to: Int32(markList.count),
                truthsFrom: Int32(truthList.count), truthsTo: Int32(truthList.count + truths.count))
            truthList += truths
            entries.append(entry)
            return Int32(entries.count - 1)
        }

        private mutating func keep<Table: AnyObject>(_ table: Table) -> Unmanaged<Table> {
            tables.append(table)
            return .passUnretained(table)
        }
    }
}

/// What is known of each predicate for the event at hand: asked at most once per event. For one thread.
struct PredicateAnswers {
    /// Twice the number of the event that asked last, plus the answer; the event's own number before them.
    private let answers: UnsafeMutablePointer<UInt64>

    init(count: Int) {
        answers = .allocate(capacity: count + 1)
        answers.initialize(repeating: 0, count: count + 1)
    }

    func deallocate() {
        answers.deallocate()
    }

    /// Numbers the events from 1 on.
    var event: UInt64 {
        @inline(__always) get { answers.pointee }
    }

    @inline(__always)
    func nextEvent() {
        answers.pointee &+= 1
    }

    /// Nil: not asked yet.
    @inline(__always)
    func known(_ predicate: Int) -> Bool? {
        let answer = answers[predicate &+ 1]
        return answer &>> 1 == event ? answer & 1 == 1 : nil
    }

    @inline(__always)
    func set(_ predicate: Int, _ answer: Bool) {
        answers[predicate &+ 1] = event &<< 1 | (answer ? 1 : 0)
    }
}
