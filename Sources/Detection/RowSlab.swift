// SPDX-License-Identifier: Apache-2.0

/// Rows of one width that is known only when the rules are, in one slab, by place. The owner frees it.
struct RowSlab<Element: BitwiseCopyable> {
    /// Elements of a row.
    let width: Int
    private var rows: UnsafeMutablePointer<Element>
    private var capacity = 8
    private var used = 0
    private var free: [Int32] = []

    init(width: Int) {
        self.width = width
        rows = .allocate(capacity: capacity * width)
    }

    /// Bytes of memory.
    var bytes: Int { capacity * width * MemoryLayout<Element>.stride }

    /// A row, valid until the next `take`.
    @inline(__always)
    subscript(place: Int32) -> UnsafeMutablePointer<Element> { rows + Int(place) &* width }

    /// A row of this element.
    mutating func take(repeating element: Element) -> Int32 {
        let place: Int32
        if let freed = free.popLast() {
            place = freed
        } else {
            if used == capacity {
                let room = KeySpace.larger(capacity)
                rows = rows.grown(used * width, to: room * width)
                capacity = room
            }
            place = Int32(used)
            used += 1
        }
        self[place].initialize(repeating: element, count: width)
        return place
    }

    mutating func free(_ place: Int32) {
        free.append(place)
    }

    /// Gives the memory back when no row is taken.
    mutating func reset() {
        deallocate()
        self = RowSlab(width: width)
    }

    func deallocate() {
        rows.deallocate()
    }
}
