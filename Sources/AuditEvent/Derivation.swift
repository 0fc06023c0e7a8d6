// SPDX-License-Identifier: Apache-2.0

/// Fields that are computed from others once the walk is over: a mapping's tables, and the identity directory.
/// Everything that can be prepared is prepared here; running it allocates nothing and counts no references.
final class Derivation {
    private struct Step {
        enum Kind: UInt8 {
            case first, table, presence, host, when
        }

        let kind: Kind
        let target: Int32
        /// First and last + 1 in `sources`.
        let from: Int32
        let to: Int32
        var then = Slot.missing
        var otherwise = Slot.missing
        /// The table, or the texts that do not count; owned by `lookUps`.
        var lookUp: Unmanaged<LookUp>?
    }

    private let steps: UnsafeMutableBufferPointer<Step>
    private let sources: UnsafeMutableBufferPointer<Int32>
    private let lookUps: [LookUp]
    private let identity: (source: Int, target: Int)?
    private let attributeTargets: UnsafeMutableBufferPointer<Int>
    /// The slot of `identity.ended`, and the first moment after the last day of the identity found.
    private let endedTarget: Int?
    @exclusivity(unchecked) private var ends: Int64?
    private let names: ByteTable?
    /// The same; nothing counts references to it for every event.
    private let hotNames: Unmanaged<ByteTable>?
    /// Per entry of the directory: the id, then the attributes that the plan asks for.
    private let entries: UnsafeMutableBufferPointer<Slot>
    private let constants: ConstantPool
    /// What every event starts with.
    let initial: [Slot]

    init(plan: FieldPlan, directory: IdentityDirectory?) {
        let constants = ConstantPool()
        var initial = [Slot](repeating: .missing, count: plan.count)
        for (slot, value) in plan.constants { initial[slot] = constants.slot(value) }
        self.initial = initial

        var steps: [Step] = []
        var sources: [Int32] = []
        var lookUps: [LookUp] = []
        for derived in plan.derived {
            let from = Int32(sources.count)
            sources += derived.sources.map { Int32($0) }
            func step(_ kind: Step.Kind) -> Step {
                Step(kind: kind, target: Int32(derived.target), from: from, to: Int32(sources.count))
            }
            var new: Step
            switch derived.rule {
            case .first: new = step(.first)
            case .host: new = step(.host)
            case .when: new = step(.when)
            case .except(let values):
                new = step(.first)
                let lookUp = LookUp(values.map { ($0, .null) })
                lookUps.append(lookUp)
                new.lookUp = .passUnretained(lookUp)
            case .presence(let then, let otherwise):
                new = step(.presence)
                new.then = constants.slot(then)
                new.otherwise = constants.slot(otherwise)
            case .table(let rows, let otherwise):
                new = step(.table)
                let lookUp = LookUp(rows.map { ($0.key, constants.slot($0.value)) })
                lookUps.append(lookUp)
                new.lookUp = .passUnretained(lookUp)
                new.otherwise = constants.slot(otherwise)
            }
            steps.append(new)
        }
        self.steps = EventDecoder.lasting(steps)
        self.sources = EventDecoder.lasting(sources)
        self.lookUps = lookUps

        attributeTargets = EventDecoder.lasting(plan.attributes.map(\.target))
        endedTarget = plan.attributes.first { $0.name == IdentityDirectory.ended }?.target
        identity = plan.identitySource.flatMap { source in plan.named["identity"].map { (source, $0) } }
        var entries: [Slot] = []
        if let directory, identity != nil {
            var known: [(key: [UInt8], value: Int32)] = []
            for (index, entry) in directory.entries.enumerated() {
                for name in [entry.uid] + entry.aliases { known.append((Array(name.utf8), Int32(index))) }
                entries.append(constants.slot(.string(entry.uid)))
                for attribute in plan.attributes {
                    if attribute.name == IdentityDirectory.ended {
                        entries.append(constants.slot(Self.end(of: entry).map { .int($0) }))
                        continue
                    }
                    entries.append(constants.slot(entry.attributes[attribute.name].map { .string($0) }))
                }
            }
            names = ByteTable(known, foldingCase: true)
        } else {
            names = nil
        }
        hotNames = names.map { .passUnretained($0) }
        self.entries = EventDecoder.lasting(entries)
        self.constants = constants
    }

    deinit {
        steps.deallocate()
        sources.deallocate()
        attributeTargets.deallocate()
        entries.deallocate()
    }

    /// The first moment after the last day, ms since the epoch.
    private static func end(of entry: IdentityDirectory.Entry) -> Int64? {
        guard let date = entry.attributes["end_date"] else { return nil }
        return Array(date.utf8).withUnsafeBytes { Timestamp.fromISO8601($0) }.map { $0 + 86_400_000 }
    }

    /// What depends on the event's time.
    func finish(_ slots: UnsafeMutablePointer<Slot>, time: Int64) {
        if let endedTarget, let ends { slots[endedTarget] = .bool(time >= ends) }
    }

    func run(_ slots: UnsafeMutablePointer<Slot>, _ items: UnsafeMutablePointer<SlotItem>) {
        ends = nil
        for step in steps {
            let value: Slot
            switch step.kind {
            case .first: value = first(step, slots, items)
            case .table:
                let text = first(step, slots, items)
                value =
                    step.lookUp.flatMap { table in
                        text.withText { bytes in table._withUnsafeGuaranteedRef { $0.find(bytes) } }
                    }
                    .flatMap { $0 } ?? step.otherwise
            case .presence: value = first(step, slots, items).kind == .missing ? step.otherwise : step.then
            case .host: value = Self.host(Self.scalar(first(step, slots, items), items))
            case .when:
                let condition = slots[Int(sources[Int(step.from)])]
                value = Self.isEmpty(condition) ? .missing : slots[Int(sources[Int(step.from) + 1])]
            }
            slots[Int(step.target)] = value
        }
        if let identity { resolve(identity.source, identity.target, slots, items) }
    }

    private func resolve(
        _ source: Int, _ target: Int, _ slots: UnsafeMutablePointer<Slot>, _ items: UnsafeMutablePointer<SlotItem>
    ) {
        let found = Self.scalar(slots[source], items)
        if Self.isEmpty(found) || found.kind == .container {
            slots[target] = .missing
            return
        }
        slots[target] = found
        guard let hotNames,
            let entry = found.withText({ name in hotNames._withUnsafeGuaranteedRef { $0.find(name) } }), entry >= 0
        else { return }
        let first = Int(entry) * (attributeTargets.count + 1)
        slots[target] = entries[first]
        for index in attributeTargets.indices {
            let value = entries[first + 1 + index]
            if attributeTargets[index] == endedTarget, value.kind == .int { ends = value.int }
            slots[attributeTargets[index]] = value
        }
    }

    /// The first source with a value. Objects, null and empty texts are none: many systems write `""` for nothing.
    @inline(__always)
    private func first(
        _ step: Step, _ slots: UnsafeMutablePointer<Slot>, _ items: UnsafeMutablePointer<SlotItem>
    ) -> Slot {
        var at = Int(step.from)
        while at < Int(step.to) {
            let slot = slots[Int(sources[at])]
            at &+= 1
            if Self.isEmpty(slot) || slot.kind == .container { continue }
            if step.kind == .first, let excluded = step.lookUp, Self.isIn(excluded, Self.scalar(slot, items)) {
                continue
            }
            return step.kind == .table ? Self.scalar(slot, items) : slot
        }
        return .missing
    }

    @inline(never)
    private static func isIn(_ table: Unmanaged<LookUp>, _ slot: Slot) -> Bool {
        slot.withText { text in table._withUnsafeGuaranteedRef { $0.find(text) } != nil } ?? false
    }

    private static func isEmpty(_ slot: Slot) -> Bool {
        !slot.hasValue || slot.kind == .string && slot.length == 0
    }

    private static func scalar(_ slot: Slot, _ items: UnsafeMutablePointer<SlotItem>) -> Slot {
        slot.kind == .list ? items[Int(slot.length)].slot : slot
    }

    private static func host(_ slot: Slot) -> Slot {
        guard slot.kind == .string else { return slot }
        let bytes = slot.bytes
        if bytes.first == UInt8(ascii: "["), let close = bytes.firstIndex(of: UInt8(ascii: "]")) {
            return .string(UnsafeRawBufferPointer(rebasing: bytes[1..<close]))
        }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes.lastIndex(of: UInt8(ascii: ":")) == colon
        else {
            return slot
        }
        return .string(UnsafeRawBufferPointer(rebasing: bytes[..<colon]))
    }
}

/// A table of texts: exact ones, then patterns with one `*`, in the order of the file.
private final class LookUp {
    private let exact: ByteTable
    private let exactTable: Unmanaged<ByteTable>
    private let values: UnsafeMutableBufferPointer<Slot>
    private let patterns: UnsafeMutableBufferPointer<Pattern>
    /// The bytes of the patterns.
    private let texts: UnsafeMutableBufferPointer<UInt8>

    private struct Pattern {
        /// Where what stands before the star begins in `texts`; what stands behind it follows.
        let from: Int
        let prefix: Int
        let suffix: Int
        let value: Slot
    }

    init(_ rows: [(key: String, value: Slot)]) {
        var exact: [(key: [UInt8], value: Int32)] = []
        var patterns: [Pattern] = []
        var texts: [UInt8] = []
        for (index, row) in rows.enumerated() {
            if let star = row.key.firstIndex(of: "*") {
                let (prefix, suffix) = (row.key[..<star].utf8, row.key[row.key.index(after: star)...].utf8)
                patterns.append(
                    Pattern(from: texts.count, prefix: prefix.count, suffix: suffix.count, value: row.value))
                texts += prefix
                texts += suffix
            } else {
                exact.append((Array(row.key.utf8), Int32(index)))
            }
        }
        self.exact = ByteTable(exact)
        exactTable = .passUnretained(self.exact)
        self.patterns = EventDecoder.lasting(patterns)
        self.texts = EventDecoder.lasting(texts)
        values = EventDecoder.lasting(rows.map(\.value))
    }

    deinit {
        values.deallocate()
        patterns.deallocate()
        texts.deallocate()
    }

    func find(_ text: UnsafeRawBufferPointer) -> Slot? {
        let found = exactTable._withUnsafeGuaranteedRef { $0.find(text) }
        if found >= 0 { return values[Int(found)] }
        guard let start = text.baseAddress, let texts = texts.baseAddress else { return nil }
        for pattern in patterns where text.count >= pattern.prefix + pattern.suffix {
            let known = texts + pattern.from
            if ASCII.equal(start, known, count: pattern.prefix),
                ASCII.equal(start + text.count - pattern.suffix, known + pattern.prefix, count: pattern.suffix)
            {
                return pattern.value
            }
        }
        return nil
    }
}

/// Owns the bytes of constant strings for as long as the decoder lives.
private final class ConstantPool {
    private var owned: [UnsafeMutableRawBufferPointer] = []

    func slot(_ constant: Mapping.Constant?) -> Slot {
        switch constant {
        case nil: return .missing
        case .int(let value): return .int(value)
        case .bool(let value): return .bool(value)
        case .string(let text):
            let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, text.utf8.count), alignment: 8)
            bytes.copyBytes(from: text.utf8)
            owned.append(bytes)
            return .string(UnsafeRawBufferPointer(rebasing: bytes[..<text.utf8.count]))
        }
    }

    deinit {
        for bytes in owned { bytes.deallocate() }
    }
}
