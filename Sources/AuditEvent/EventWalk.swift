// SPDX-License-Identifier: Apache-2.0

/// One pass over an event along simdjson's structural index: fills the slots of the plan and steps over the rest.
///
/// Of what no rule reads only the frame is checked (UTF-8, strings, nesting); of what a rule reads, the value as well, and
/// that no key on the way to it stands twice in one object. What is read often is copied into locals: the compiler must
/// otherwise assume that storing a slot changes it.
struct EventWalk {
    static let maximumDepth = 64
    static let maximumItems = 1 << 16

    enum Fault: UInt8 {
        case none, truncated, structure, trailing, number, literal, escape, depth, items, duplicate
    }

    let text: UnsafePointer<UInt8>
    let length: Int
    /// Offsets of the structural characters; `offsets[count]` is `length`.
    let offsets: UnsafePointer<UInt32>
    let count: Int
    let nodes: UnsafeMutablePointer<FieldTrie.Node>
    let cells: UnsafePointer<FieldTrie.Cell>
    let keys: UnsafePointer<UInt8>
    let slots: UnsafeMutablePointer<Slot>
    /// Room for `maximumItems` list items.
    let items: UnsafeMutablePointer<SlotItem>
    /// Unescaped strings; at least `length` bytes when the text holds a backslash, nil when it holds none.
    var scratch: UnsafeMutablePointer<UInt8>?
    /// Numbers the objects that the plan descends into, over all events: a key seen in this visit stands twice.
    var visit: UInt64
    /// Takes down what is stored, when the shape of the event is to be known again; see `EventShape`.
    var draft: Unmanaged<EventShape.Draft>?

    /// The next structural character.
    var i = 0
    var itemCount = 0
    var fault = Fault.none
    /// The node of the tree at which a duplicate key stands.
    var faultNode = 0

    /// Walks the whole document, which must be one object.
    mutating func document() -> Bool {
        guard object(node: 0, hops: 0, inArray: false, depth: 1) else { return false }
        return i == count ? true : fail(.trailing)
    }

    @inline(never)
    mutating func fail(_ fault: Fault) -> Bool {
        self.fault = fault
        return false
    }

    @inline(never)
    private mutating func fail(_ fault: Fault, at i: Int) -> Bool {
        self.i = i
        return fail(fault)
    }

    private mutating func object(node: Int, hops: UInt8, inArray: Bool, depth: Int) -> Bool {
        let text = text
        let offsets = offsets
        let count = count
        let keys = keys
        let nodes = nodes
        let textEnd = UnsafeRawPointer(text + length)
        let plain = scratch == nil
        let table = cells + Int(nodes[node].cells)
        let mask = Int(nodes[node].mask)
        let children = nodes[node].children
        visit &+= 1
        let visit = visit
        var i = i &+ 1
        if depth > Self.maximumDepth { return fail(.depth) }
        guard i < count else { return fail(.truncated) }
        if text[Int(offsets[i])] == UInt8(ascii: "}") {
            self.i = i &+ 1
            return true
        }
        while true {
            // A key, a colon, a value and what follows it.
            guard i &+ 3 < count else { return fail(.truncated, at: i) }
            let key = Int(offsets[i]) &+ 1
            let colon = Int(offsets[i &+ 1])
            guard text[key &- 1] == UInt8(ascii: "\""), text[colon] == UInt8(ascii: ":") else {
                return fail(.structure, at: i)
            }
            var end = colon &- 1
            while text[end] != UInt8(ascii: "\"") { end &-= 1 }
            guard end >= key else { return fail(.structure, at: i) }

            let child: Int
            if plain {
                // `text[key]` is the closing quote of an empty key.
                let mayBeChild = children & FieldTrie.bit(first: end > key ? text[key] : 0, end &- key) != 0
                child = !mayBeChild ? -1 : Self.lookup(table, mask, keys, text + key, end &- key, end: textEnd)
            } else {
                child = lookupEscaped(table, mask, text + key, end &- key)
                if child < -1 { return fail(.escape, at: i) }
            }
            let position = Int(offsets[i &+ 2])
            let first = text[position]
            let nested = first | 0x20 == UInt8(ascii: "{")
            if child < 0 {
                if !nested {
                    guard !Self.isPunctuation(first) else { return fail(.structure, at: i &+ 2) }
                    i &+= 3
                } else {
                    self.i = i &+ 2
                    guard skip(depth: depth) else { return false }
                    i = self.i
                }
            } else {
                if nodes[child].visit == visit {
                    faultNode = child
                    return fail(.duplicate, at: i)
                }
                nodes[child].visit = visit
                self.i = i &+ 2
                if nested {
                    guard nest(first, node: child, hops: hops &+ 1, inArray: inArray, depth: depth) else {
                        return false
                    }
                } else {
                    guard leaf(position, first, node: child, hops: hops &+ 1, inArray: inArray) else { return false }
                }
                i = self.i
            }
            guard i < count else { return fail(.truncated, at: i) }
            let next = text[Int(offsets[i])]
            i &+= 1
            if next == UInt8(ascii: ",") { continue }
            self.i = i
            return next == UInt8(ascii: "}") ? true : fail(.structure)
        }
    }

    private mutating func array(node: Int, hops: UInt8, depth: Int) -> Bool {
        if depth > Self.maximumDepth { return fail(.depth) }
        i &+= 1
        guard i < count else { return fail(.truncated) }
        if text[Int(offsets[i])] == UInt8(ascii: "]") {
            i &+= 1
            return store(.container, node: node, hops: hops, inArray: true)
        }
        while true {
            guard i &+ 1 < count else { return fail(.truncated) }
            let position = Int(offsets[i])
            let first = text[position]
            if first | 0x20 == UInt8(ascii: "{") {
                guard nest(first, node: node, hops: hops, inArray: true, depth: depth) else { return false }
            } else {
                guard leaf(position, first, node: node, hops: hops, inArray: true) else { return false }
            }
            guard i < count else { return fail(.truncated) }
            let next = text[Int(offsets[i])]
            i &+= 1
            if next == UInt8(ascii: ",") { continue }
            return next == UInt8(ascii: "]") ? true : fail(.structure)
        }
    }

    /// An object or an array that the plan knows.
    private mutating func nest(_ first: UInt8, node: Int, hops: UInt8, inArray: Bool, depth: Int) -> Bool {
        if first == UInt8(ascii: "[") { return array(node: node, hops: hops, depth: depth &+ 1) }
        guard store(.container, node: node, hops: hops, inArray: inArray) else { return false }
        return nodes[node].mask >= 0
            ? object(node: node, hops: hops, inArray: inArray, depth: depth &+ 1) : skip(depth: depth)
    }

    /// A scalar at a node of the plan.
    @inline(__always)
    private mutating func leaf(_ position: Int, _ first: UInt8, node: Int, hops: UInt8, inArray: Bool) -> Bool {
        guard nodes[node].slot >= 0 else {
            guard !Self.isPunctuation(first) else { return fail(.structure) }
            i &+= 1
            return true
        }
        guard let slot = scalar(position, first) else { return false }
        i &+= 1
        return store(slot, node: node, hops: hops, inArray: inArray)
    }

    /// `}` `]` `:` `,` where a value belongs.
    @inline(__always)
    private static func isPunctuation(_ byte: UInt8) -> Bool {
        byte | 0x20 == 0x7D || byte == 0x3A || byte == 0x2C
    }

    /// Steps over an object or an array. Nesting must close in the order in which it opened.
    private mutating func skip(depth: Int) -> Bool {
        let text = text
        let offsets = offsets
        let count = count
        var i = i
        // One bit per open level: 1 object, 0 array.
        var open: UInt64 = text[Int(offsets[i])] == UInt8(ascii: "{") ? 1 : 0
        var levels = 1
        i &+= 1
        let limit = Self.maximumDepth &- depth
        if limit < 1 { return fail(.depth, at: i) }
        while i < count {
            let kind = text[Int(offsets[i])]
            i &+= 1
            if kind | 0x20 == UInt8(ascii: "{") {
                levels &+= 1
                if levels > limit { return fail(.depth, at: i) }
                open = open &<< 1 | (kind == UInt8(ascii: "{") ? 1 : 0)
            } else if kind | 0x20 == UInt8(ascii: "}") {
                guard open & 1 == (kind == UInt8(ascii: "}") ? 1 : 0) else { return fail(.structure, at: i) }
                open = open &>> 1
                levels &-= 1
                if levels == 0 {
                    self.i = i
                    return true
                }
            }
        }
        return fail(.truncated, at: i)
    }

    @inline(__always)
    private mutating func store(_ value: Slot, node: Int, hops: UInt8, inArray: Bool) -> Bool {
        let slot = Int(nodes[node].slot)
        if slot < 0 { return true }
        let held = slots[slot]
        let isFirst = held.kind == .missing || hops < held.hops
        if let draft, isFirst || hops == held.hops {
            // A scalar was stepped over already.
            draft.takeUnretainedValue().note(
                value.kind == .container ? i : i &- 1, value, slot: slot, hops: hops, isFirst: isFirst)
        }
        if isFirst {
            slots[slot] = value
            slots[slot].hops = hops
            return true
        }
        return hops > held.hops ? true : storeAgain(value, slot: slot, node: node, inArray: inArray)
    }

    /// A field that came before: one more element of an array, else one field under two spellings
    /// (`{"a.b":{"c":1},"a":{"b.c":2}}`).
    private mutating func storeAgain(_ value: Slot, slot: Int, node: Int, inArray: Bool) -> Bool {
        guard inArray else {
            faultNode = node
            return fail(.duplicate)
        }
        return append(value, slot: slot)
    }

    /// One more element of an array.
    mutating func append(_ value: Slot, slot: Int) -> Bool {
        // Objects inside an array are reached through their own fields; that they exist is known already.
        if value.kind == .container { return true }
        let held = slots[slot]
        if held.kind == .container {
            slots[slot] = value
            slots[slot].hops = held.hops
            return true
        }
        guard itemCount &+ 2 <= Self.maximumItems else { return fail(.items) }
        if held.kind != .list {
            items[itemCount] = SlotItem(slot: held, next: UInt32.max)
            slots[slot] = Slot(kind: .list, length: UInt32(itemCount))
            slots[slot].hops = held.hops
            slots[slot].tail = UInt32(itemCount)
            itemCount &+= 1
        }
        items[itemCount] = SlotItem(slot: value, next: UInt32.max)
        items[Int(slots[slot].tail)].next = UInt32(itemCount)
        slots[slot].tail = UInt32(itemCount)
        itemCount &+= 1
        return true
    }
}
