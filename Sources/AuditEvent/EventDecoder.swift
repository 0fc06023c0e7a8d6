// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#endif

/// Turns the bytes of audit events into views of the plan's fields, without allocating. For one thread.
package final class EventDecoder {
    package struct Limits: Sendable {
        /// The largest event, in bytes.
        package var maximumBytes: Int

        package init(maximumBytes: Int = 1 << 20) {
            self.maximumBytes = maximumBytes
        }
    }

    /// Of so many events the views stay, the last one included.
    package static let kept = 16

    private let limits: Limits
    private let index: JSONIndex
    private let nodes: UnsafeMutableBufferPointer<FieldTrie.Node>
    private let cells: UnsafeMutableBufferPointer<FieldTrie.Cell>
    private let keys: UnsafeMutableBufferPointer<UInt8>
    private let derivation: Derivation
    /// The path of each node of the tree, for messages.
    private let names: [String]
    private let timePaths: String
    @exclusivity(unchecked) private var visit: UInt64 = 0
    private let shapes = EventShapes()
    private let uidSlot: Int
    private let timeSlot: Int
    /// Slots of the last `kept` events, one after the other.
    private let rows: UnsafeMutablePointer<Slot>
    /// Those of the event at hand.
    @exclusivity(unchecked) private var slots: UnsafeMutablePointer<Slot>
    @exclusivity(unchecked) private var row = 0
    private let initial: UnsafeMutablePointer<Slot>
    private let slotCount: Int
    /// The values of their lists, `EventWalk.maximumItems` each: hardly ever touched.
    private let lists: UnsafeMutablePointer<SlotItem>
    @exclusivity(unchecked) private var items: UnsafeMutablePointer<SlotItem>

    init?(plan: FieldPlan, directory: IdentityDirectory?, limits: Limits) {
        guard let index = JSONIndex() else { return nil }
        self.index = index
        self.limits = limits
        let trie = FieldTrie(paths: plan.paths.sorted { $0.value < $1.value }.map { ($0.key, $0.value) })
        nodes = Self.lasting(trie.nodes)
        cells = Self.lasting(trie.cells)
        keys = Self.lasting(trie.keys)
        derivation = Derivation(plan: plan, directory: directory)
        names = trie.names
        uidSlot = Int(plan.uid.index)
        timeSlot = Int(plan.time.index)
        timePaths = plan.timePaths
        slotCount = plan.count
        rows = .allocate(capacity: slotCount * Self.kept)
        rows.initialize(repeating: .missing, count: slotCount * Self.kept)
        slots = rows
        initial = .allocate(capacity: slotCount)
        initial.initialize(from: derivation.initial, count: slotCount)
        lists = .allocate(capacity: EventWalk.maximumItems * Self.kept)
        items = lists
    }

    /// A copy at an address that stays: the walk reads it without array bounds and reference counts.
    package static func lasting<Element>(_ array: [Element]) -> UnsafeMutableBufferPointer<Element> {
        let buffer = UnsafeMutableBufferPointer<Element>.allocate(capacity: max(1, array.count))
        _ = buffer.initialize(from: array)
        // Never nil, and never longer than the array.
        return UnsafeMutableBufferPointer(rebasing: buffer[..<array.count])
    }

    deinit {
        nodes.deallocate()
        cells.deallocate()
        keys.deallocate()
        rows.deallocate()
        initial.deallocate()
        lists.deallocate()
    }

    /// Decodes one event. The view borrows `text`, which must stay where it is while the view is used, as must the text of
    /// `fallbackUID`. It is valid until `kept` more have been decoded; strings with escapes, and what a keyword looks through, are
    /// kept as long.
    ///
    /// - Parameters:
    ///   - fallbackUID: the id of an event that has no `metadata.uid`.
    ///   - fallbackTime: the time of an event that has none, ms since the epoch; without it such an event is refused.
    package func decode(
        _ text: UnsafeRawBufferPointer, fallbackUID: Slot, fallbackTime: Int64? = nil
    ) throws(EventError) -> EventView {
        guard text.count <= limits.maximumBytes else { throw .tooLarge(bytes: text.count, limit: limits.maximumBytes) }
        // RFC 8259, section 8.1: a byte order mark may be ignored.
        let marked = text.count >= 3 && text[0] == 0xEF && text[1] == 0xBB && text[2] == 0xBF
        let text = marked ? UnsafeRawBufferPointer(rebasing: text[3...]) : text
        guard text.count > 0, let start = text.baseAddress else { throw .empty }
        try index.build(text)
        guard index.count > 0 else { throw .empty }
        let bytes = start.assumingMemoryBound(to: UInt8.self)
        guard bytes[Int(index.offsets[0])] == UInt8(ascii: "{") else { throw .notAnObject }
        row = (row &+ 1) & (Self.kept &- 1)
        slots = rows + row &* slotCount
        items = lists + row &* EventWalk.maximumItems
        slots.update(from: initial, count: slotCount)

        let escaped = memchr(start, Int32(UInt8(ascii: "\\")), text.count) != nil
        guard let nodes = nodes.baseAddress, let cells = cells.baseAddress, let keys = keys.baseAddress else {
            throw .empty
        }
        var walk = EventWalk(
            text: bytes, length: text.count, offsets: index.offsets, count: index.count, nodes: nodes, cells: cells,
            keys: keys, slots: slots, items: items, scratch: escaped ? index.scratch(text.count, row: row) : nil,
            visit: visit)
        if escaped || !shapes.replay(&walk, reset: { reset(&$0) }) {
            let draft = escaped ? nil : shapes.draft()
            walk.draft = draft.map { .passUnretained($0) }
            let walked = withExtendedLifetime(draft) { walk.document() }
            visit = walk.visit
            guard walked else { throw error(of: walk) }
            if let draft, let shape = EventShape(text, offsets: index.offsets, count: index.count, draft) {
                shapes.add(shape)
            }
        }
        derivation.run(slots, items)

        let timeValue = slots[timeSlot]
        let time: Int64
        if timeValue.hasValue {
            guard let value = Timestamp.milliseconds(timeValue) else { throw .badTime(timePaths) }
            time = value
        } else if let fallbackTime {
            time = fallbackTime
        } else {
            throw .missingTime(timePaths)
        }
        derivation.finish(slots, time: time)
        let uid = slots[uidSlot]
        let hasUID = uid.kind == .int || uid.kind == .string && uid.length > 0
        return EventView(
            slots: slots, items: items, json: text, index: Unmanaged.passUnretained(index), time: time,
            hasTime: timeValue.hasValue,
            uid: hasUID ? uid : fallbackUID)
    }

    /// Before another try at the same event.
    private func reset(_ walk: inout EventWalk) {
        slots.update(from: initial, count: slotCount)
        walk.itemCount = 0
    }

    private func error(of walk: EventWalk) -> EventError {
        switch walk.fault {
        case .none, .structure: .notJSON("its structure is broken near byte \(offset(of: walk))")
        case .truncated: .notJSON("it ends too early")
        case .trailing: .notJSON("something follows the object at byte \(offset(of: walk))")
        case .number: .notJSON("a number is malformed or too large near byte \(offset(of: walk))")
        case .literal: .notJSON("a word that is not true, false or null near byte \(offset(of: walk))")
        case .escape: .notJSON("an escape that does not exist near byte \(offset(of: walk))")
        case .depth: .tooDeep(limit: EventWalk.maximumDepth)
        case .items: .tooManyValues(limit: EventWalk.maximumItems)
        case .duplicate: .duplicateKey(names[walk.faultNode])
        }
    }

    private func offset(of walk: EventWalk) -> Int {
        index.count > 0 ? Int(index.offsets[min(walk.i, index.count - 1)]) : 0
    }
}
