// SPDX-License-Identifier: Apache-2.0

/// The values of a window in order, so that any percentile is found in O(log n): a treap (Seidel and Aragon, "Randomized
/// search trees", 1996) whose nodes count what is below them. 32 bytes a value, doubled when full. The owner frees it.
struct OrderTree {
    private struct Node {
        var value: Double
        var priority: UInt32
        var size: Int32 = 1
        var left: Int32 = -1
        var right: Int32 = -1
    }

    private var nodes: UnsafeMutablePointer<Node>
    private var capacity: Int32 = 8
    private var used: Int32 = 0
    /// The first free node; the next ones hang on its `left`.
    private var free: Int32 = -1
    private var root: Int32 = -1
    /// Which shape the tree has changes nothing that it tells.
    private var random: UInt32 = .random(in: 1 ... .max)

    init() {
        nodes = .allocate(capacity: Int(capacity))
    }

    var count: Int { Int(size(root)) }
    var bytes: Int { Int(capacity) * MemoryLayout<Node>.stride }

    func deallocate() {
        nodes.deallocate()
    }

    mutating func add(_ value: Double) {
        let node = take(value)
        let (below, above) = split(root, value)
        root = merge(merge(below, node), above)
    }

    /// Takes one value out that was added.
    mutating func remove(_ value: Double) {
        root = removed(value, from: root)
    }

    /// The percentile, 0 to 100, interpolated linearly between the two values around it: definition 7 of Hyndman and Fan,
    /// "Sample quantiles in statistical packages", 1996 (what R and NumPy take without a word). Zero without values.
    func percentile(_ percentile: Double) -> Double {
        guard root >= 0 else { return 0 }
        let position = Double(count - 1) * percentile / 100
        let below = min(Int(position), count - 1)
        let value = value(at: below)
        let fraction = position - Double(below)
        if fraction <= 0 || below + 1 >= count { return value }
        return value + fraction * (self.value(at: below + 1) - value)
    }

    private func value(at rank: Int) -> Double {
        var rank = Int32(rank)
        var node = root
        while true {
            let below = size(nodes[Int(node)].left)
            if rank == below { return nodes[Int(node)].value }
            if rank < below {
                node = nodes[Int(node)].left
            } else {
                rank -= below + 1
                node = nodes[Int(node)].right
            }
        }
    }

    private func size(_ node: Int32) -> Int32 { node < 0 ? 0 : nodes[Int(node)].size }

    private func recount(_ node: Int32) {
        nodes[Int(node)].size = size(nodes[Int(node)].left) + size(nodes[Int(node)].right) + 1
    }

    private mutating func take(_ value: Double) -> Int32 {
        // Marsaglia, "Xorshift RNGs", 2003.
        random ^= random << 13
        random ^= random >> 17
        random ^= random << 5
        let node: Int32
        if free >= 0 {
            node = free
            free = nodes[Int(node)].left
        } else {
            if used == capacity {
                let larger = UnsafeMutablePointer<Node>.allocate(capacity: Int(capacity) * 2)
                larger.update(from: nodes, count: Int(used))
                nodes.deallocate()
                nodes = larger
                capacity *= 2
            }
            node = used
            used += 1
        }
        (nodes + Int(node)).initialize(to: Node(value: value, priority: random))
        return node
    }

    /// Parts a tree into what is below `value` and what is not.
    private func split(_ node: Int32, _ value: Double) -> (Int32, Int32) {
        guard node >= 0 else { return (-1, -1) }
        if nodes[Int(node)].value < value {
            let (below, above) = split(nodes[Int(node)].right, value)
            nodes[Int(node)].right = below
            recount(node)
            return (node, above)
        }
        let (below, above) = split(nodes[Int(node)].left, value)
        nodes[Int(node)].left = above
        recount(node)
        return (below, node)
    }

    /// Joins two trees of which every value of the first is at most every one of the second.
    private func merge(_ a: Int32, _ b: Int32) -> Int32 {
        if a < 0 { return b }
        if b < 0 { return a }
        if nodes[Int(a)].priority > nodes[Int(b)].priority {
            nodes[Int(a)].right = merge(nodes[Int(a)].right, b)
            recount(a)
            return a
        }
        nodes[Int(b)].left = merge(a, nodes[Int(b)].left)
        recount(b)
        return b
    }

    private mutating func removed(_ value: Double, from node: Int32) -> Int32 {
        guard node >= 0 else { return -1 }
        let here = nodes[Int(node)]
        if value == here.value {
            let joined = merge(here.left, here.right)
            nodes[Int(node)].left = free
            free = node
            return joined
        }
        if value < here.value {
            nodes[Int(node)].left = removed(value, from: here.left)
        } else {
            nodes[Int(node)].right = removed(value, from: here.right)
        }
        recount(node)
        return node
    }
}
