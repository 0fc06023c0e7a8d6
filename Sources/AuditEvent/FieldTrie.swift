// SPDX-License-Identifier: Apache-2.0

/// The field paths that the rules need, as a tree over object keys, laid out flat for the decoder's walk.
///
/// A path `a.b.c` is found as `{"a":{"b":{"c":1}}}`, and as well under literal dotted keys: `{"a.b.c":1}`,
/// `{"a":{"b.c":1}}`. The fewest levels win.
struct FieldTrie {
    struct Node {
        /// First cell of this node's table.
        var cells: Int32
        /// Cells − 1, a power of two less one; -1 for a leaf.
        var mask: Int32
        /// Where a value here goes; -1 when only deeper paths are wanted.
        var slot: Int32
        /// The visit of the parent in which this key was seen last.
        var visit: UInt64 = 0
        /// One bit per hash of a child's first byte and length: most keys that nobody asks for stop here.
        var children: UInt64 = 0
    }

    /// One key of a node. The first and last eight bytes of the key decide alone for keys of up to 16 bytes.
    struct Cell {
        var head: UInt64
        var tail: UInt64
        var length: UInt32
        var node: Int32
        /// Where the key stands in `keys`, for longer ones.
        var key: UInt32
    }

    var nodes: [Node] = []
    var cells: [Cell] = []
    var keys: [UInt8] = []
    /// The path of each node, for messages.
    var names: [String] = []

    init(paths: [(path: String, slot: Int)]) {
        final class Draft {
            var slot = -1
            var children: [(key: String, node: Draft)] = []
            func child(_ key: String) -> Draft {
                if let known = children.first(where: { $0.key == key }) { return known.node }
                let node = Draft()
                children.append((key, node))
                return node
            }
        }
        func insert(_ segments: ArraySlice<Substring>, _ slot: Int, into node: Draft) {
            for end in segments.indices {
                let child = node.child(segments[...end].joined(separator: "."))
                if end + 1 == segments.endIndex {
                    child.slot = slot
                } else {
                    insert(segments[(end + 1)...], slot, into: child)
                }
            }
        }
        let root = Draft()
        for (path, slot) in paths {
            let segments = path.split(separator: ".", omittingEmptySubsequences: false)
            // Every way to join the segments is a path of its own: 2^(n-1), so very long ones are only taken whole or
            // fully split.
            if segments.count <= 8 {
                insert(segments[...], slot, into: root)
            } else {
                root.child(path).slot = slot
                segments.reduce(root) { $0.child(String($1)) }.slot = slot
            }
        }

        func lay(_ draft: Draft, _ name: String) -> Int32 {
            let index = nodes.count
            names.append(name)
            nodes.append(Node(cells: 0, mask: -1, slot: Int32(draft.slot)))
            guard !draft.children.isEmpty else { return Int32(index) }
            let children = draft.children.map { child in
                (key: Array(child.key.utf8), node: lay(child.node, name.isEmpty ? child.key : "\(name).\(child.key)"))
            }
            var capacity = 2
            while capacity < children.count * 2 { capacity *= 2 }
            let first = cells.count
            cells += [Cell](repeating: Cell(head: 0, tail: 0, length: 0, node: -1, key: 0), count: capacity)
            for (key, node) in children {
                let (head, tail) = key.withUnsafeBytes { Self.ends($0) }
                var i = Int(truncatingIfNeeded: Self.hash(head, tail, key.count)) & (capacity - 1)
                while cells[first + i].node >= 0 { i = (i + 1) & (capacity - 1) }
                cells[first + i] = Cell(
                    head: head, tail: tail, length: UInt32(key.count), node: node, key: UInt32(keys.count))
                keys += key
            }
            nodes[index].cells = Int32(first)
            nodes[index].mask = Int32(capacity - 1)
            for (key, _) in children { nodes[index].children |= Self.bit(first: key.first ?? 0, key.count) }
            return Int32(index)
        }
        _ = lay(root, "")
    }

    /// The first and the last eight bytes; a key shorter than eight is all in the first.
    static func ends(_ key: UnsafeRawBufferPointer) -> (UInt64, UInt64) {
        guard let start = key.baseAddress else { return (0, 0) }
        if key.count >= 8 {
            return (
                start.loadUnaligned(as: UInt64.self),
                start.loadUnaligned(fromByteOffset: key.count - 8, as: UInt64.self)
            )
        }
        var head: UInt64 = 0
        for i in 0..<key.count { head |= UInt64(key[i]) << UInt64(8 * i) }
        return (head, 0)
    }

    @inline(__always)
    static func bit(first: UInt8, _ length: Int) -> UInt64 {
        1 &<< UInt64(truncatingIfNeeded: Int(first) &+ length &* 11)
    }

    @inline(__always)
    static func hash(_ head: UInt64, _ tail: UInt64, _ length: Int) -> UInt64 {
        mix(head ^ 0xA076_1D64_78BD_642F, tail ^ UInt64(truncatingIfNeeded: length) ^ 0xE703_7ED1_A0B4_28DB)
    }
}
