// SPDX-License-Identifier: Apache-2.0

import CPrefetch

/// State per group key: `Cell`s in one slab, found by the key's number. Remembers which ones changed since they were last
/// written to disk. For one thread.
///
/// While most keys of the key space have a cell, it stands at the key's own number. While few have one, cells stand close
/// together and a table finds them (`CellTable`): what a map takes depends on its cells, not on the keys that others hold. Two bits a
/// cell beside it, and 17 to 29 bytes more while few have one.
struct CellMap<Cell> {
    private var cells: UnsafeMutablePointer<Cell>
    /// Bits by place: where there is a cell, and whose cells changed.
    private var isThere: UnsafeMutablePointer<UInt64>
    private var isChanged: UnsafeMutablePointer<UInt64>
    private var capacity = 64
    /// Whether a cell's place is its key's number.
    private var isDense = false
    /// Of a map that is not dense: where each key's cell is, and whose the cells are.
    private var table = CellTable()
    private var keys: UnsafeMutablePointer<Int32>
    private var used = 0
    private var free: [Int32] = []
    private var hasChanges = false
    /// Keys removed since the last `takeChanges`.
    private var removed: [[UInt8]] = []
    private(set) var count = 0
    let keySpace: KeySpace

    init(keySpace: KeySpace) {
        self.keySpace = keySpace
        cells = .allocate(capacity: capacity)
        isThere = .zeros(1)
        isChanged = .zeros(1)
        keys = .allocate(capacity: capacity)
    }

    /// Frees everything; each live cell passes through `body` first.
    mutating func deallocate(_ body: (inout Cell) -> Void) {
        Self.forEachBit(isThere, words) { place in
            body(&cells[place])
            (cells + place).deinitialize(count: 1)
        }
        cells.deallocate()
        isThere.deallocate()
        isChanged.deallocate()
        keys.deallocate()
        table.deallocate()
    }

    /// Bytes of the slab and of what finds a cell in it.
    var bytes: Int {
        capacity * MemoryLayout<Cell>.stride + capacity / 4 + (isDense ? 0 : capacity * 4 + table.bytes)
    }

    /// Where a key's cell is; -1 where it has none.
    @inline(__always)
    private func place(_ key: Int32) -> Int {
        if isDense {
            let place = Int(key)
            return place < capacity && isThere[place &>> 6] & 1 &<< UInt64(place & 63) != 0 ? place : -1
        }
        return count == 0 ? -1 : Int(table[key])
    }

    /// The cell of a key, nil where there is none. Valid until the next `make`.
    @inline(__always)
    func find(_ key: Int32) -> UnsafeMutablePointer<Cell>? {
        let place = place(key)
        return place < 0 ? nil : cells + place
    }

    /// Says that the cell of a key is about to be asked for.
    @inline(__always)
    func approach(_ key: Int32) {
        if let cell = find(key) { gw_prefetch(cell) }
    }

    /// The cell of a key, made when there is none. Valid until the next `make`.
    @inline(__always)
    mutating func make(_ key: Int32, _ initial: @autoclosure () -> Cell) -> UnsafeMutablePointer<Cell> {
        if let cell = find(key) { return cell }
        return add(key, initial())
    }

    @inline(never)
    private mutating func add(_ key: Int32, _ initial: Cell) -> UnsafeMutablePointer<Cell> {
        if isDense ? Int(key) >= capacity : used == capacity && free.isEmpty { grow(for: key) }
        var place = Int(key)
        if !isDense {
            if let freed = free.popLast() {
                place = Int(freed)
            } else {
                place = used
                used += 1
            }
            keys[place] = key
            table.set(key, Int32(place))
        }
        (cells + place).initialize(to: initial)
        isThere[place >> 6] |= 1 << UInt64(place & 63)
        keySpace.hold(key)
        count += 1
        return cells + place
    }

    /// Notes that the cell of a key must be written.
    @inline(__always)
    mutating func touch(_ key: Int32) {
        let place = isDense ? Int(key) : Int(table[key])
        isChanged[place &>> 6] |= 1 &<< UInt64(place & 63)
        hasChanges = true
    }

    /// Gives what changed since the last call and starts over: keys that were removed, without a value, then the changed cells.
    /// A cell that is gone is not repeated.
    mutating func takeChanges(
        _ encode: (borrowing Cell) -> [UInt8], _ body: (_ key: UnsafeRawBufferPointer, _ value: [UInt8]?) -> Void
    ) {
        takeChanges({ encode($1) }, body)
    }

    /// The same with the key's number.
    mutating func takeChanges(
        _ encode: (Int32, borrowing Cell) -> [UInt8],
        _ body: (_ key: UnsafeRawBufferPointer, _ value: [UInt8]?) -> Void
    ) {
        for key in removed { key.withUnsafeBytes { body($0, nil) } }
        if hasChanges {
            Self.forEachBit(isChanged, words) { place in
                let key = key(at: place)
                body(keySpace.bytes(of: key), encode(key, cells[place]))
            }
        }
        discardChanges()
    }

    /// Forgets what changed: nobody stores it.
    mutating func discardChanges() {
        if hasChanges { isChanged.update(repeating: 0, count: words) }
        hasChanges = false
        removed.removeAll()
    }

    /// Removes the cell of a key, if there is one, of a map whose cells are stored with those of another.
    mutating func remove(_ key: Int32) {
        if case let place = place(key), place >= 0 { remove(key, at: place) }
    }

    /// Removes the cells for which `isOver` is true.
    mutating func sweep(_ isOver: (inout Cell) -> Bool) {
        sweep { isOver(&$1) }
    }

    /// The same with the key.
    mutating func sweep(_ isOver: (Int32, inout Cell) -> Bool) {
        Self.forEachBit(isThere, words) { place in
            let key = key(at: place)
            guard isOver(key, &cells[place]) else { return }
            removed.append(Array(keySpace.bytes(of: key)))
            remove(key, at: place)
        }
        if capacity > 1024, count < capacity / 8 { move(toDense: false, capacity: Self.room(count)) }
    }

    private mutating func remove(_ key: Int32, at place: Int) {
        let bit: UInt64 = 1 << UInt64(place & 63)
        isThere[place >> 6] &= ~bit
        isChanged[place >> 6] &= ~bit
        (cells + place).deinitialize(count: 1)
        if !isDense {
            table.remove(key)
            free.append(Int32(place))
        }
        count -= 1
        keySpace.release(key)
    }

    func forEach(_ body: (Int32, inout Cell) -> Void) {
        Self.forEachBit(isThere, words) { body(key(at: $0), &cells[$0]) }
    }

    // MARK: Places

    private var words: Int { capacity / 64 }

    @inline(__always)
    private func key(at place: Int) -> Int32 { isDense ? Int32(truncatingIfNeeded: place) : keys[place] }

    /// Calls `body` with the places of the bits that are set; it may clear them.
    @inline(__always)
    private static func forEachBit(_ bits: UnsafeMutablePointer<UInt64>, _ words: Int, _ body: (Int) -> Void) {
        for word in 0..<words {
            var rest = bits[word]
            while rest != 0 {
                body(word * 64 + rest.trailingZeroBitCount)
                rest &= rest &- 1
            }
        }
    }

    /// For so many cells, and some more.
    private static func room(_ count: Int) -> Int { (count + count / 4 + 63) / 64 * 64 + 64 }

    /// Makes room for another key's cell, in the way that takes less memory.
    private mutating func grow(for key: Int32) {
        let wanted = KeySpace.larger(max(capacity, Int(key) + 1))
        let span = max(keySpace.highest, Int(key) + 1)
        // What it would take one way and the other; not back and forth for little.
        let stride = MemoryLayout<Cell>.stride
        let (dense, sparse) = (span * stride, (count + 1) * (stride + 20))
        if isDense ? sparse < dense * 3 / 4 : sparse < dense {
            if isDense { return move(toDense: false, capacity: Self.room(count)) }
        } else if !isDense {
            return move(toDense: true, capacity: max(capacity, (span + 63) / 64 * 64))
        }
        let room = isDense ? wanted : KeySpace.larger(capacity)
        let old = words
        cells = cells.grown(isDense ? capacity : used, to: room)
        if !isDense { keys = keys.grown(used, to: room) }
        capacity = room
        isThere = isThere.grown(old, to: words)
        isChanged = isChanged.grown(old, to: words)
        (isThere + old).update(repeating: 0, count: words - old)
        (isChanged + old).update(repeating: 0, count: words - old)
    }

    /// Moves the cells to a new slab.
    private mutating func move(toDense: Bool, capacity room: Int) {
        let newCells = UnsafeMutablePointer<Cell>.allocate(capacity: room)
        let newThere = UnsafeMutablePointer<UInt64>.zeros(room / 64)
        let newChanged = UnsafeMutablePointer<UInt64>.zeros(room / 64)
        let newKeys = UnsafeMutablePointer<Int32>.allocate(capacity: toDense ? 1 : room)
        table.deallocate()
        table = toDense ? CellTable() : CellTable(room: count)
        var next = 0
        Self.forEachBit(isThere, words) { place in
            let key = key(at: place)
            let to = toDense ? Int(key) : next
            (newCells + to).moveInitialize(from: cells + place, count: 1)
            let bit: UInt64 = 1 << UInt64(to & 63)
            newThere[to >> 6] |= bit
            if isChanged[place >> 6] & 1 << UInt64(place & 63) != 0 { newChanged[to >> 6] |= bit }
            if !toDense {
                newKeys[next] = key
                table.set(key, Int32(next))
                next += 1
            }
        }
        cells.deallocate()
        isThere.deallocate()
        isChanged.deallocate()
        keys.deallocate()
        (cells, isThere, isChanged, keys) = (newCells, newThere, newChanged, newKeys)
        (isDense, capacity, used, free) = (toDense, room, next, [])
    }
}

extension UnsafeMutablePointer<UInt64> {
    fileprivate static func zeros(_ count: Int) -> Self {
        let memory = allocate(capacity: count)
        memory.initialize(repeating: 0, count: count)
        return memory
    }
}

/// Where the cells of keys are, by the keys' numbers: open addressing. The owner frees it. 8 bytes an entry, half to a quarter of them
/// in use.
struct CellTable {
    private struct Entry {
        var key: Int32
        var place: Int32
    }

    private var entries: UnsafeMutablePointer<Entry>
    private var mask: Int
    private var count = 0

    /// - Parameter room: for how many keys.
    init(room: Int = 0) {
        var size = 8
        while size < room * 2 { size *= 2 }
        mask = size - 1
        entries = .allocate(capacity: size)
        entries.initialize(repeating: Entry(key: -1, place: -1), count: size)
    }

    func deallocate() {
        entries.deallocate()
    }

    /// Bytes of memory.
    var bytes: Int { (mask + 1) * MemoryLayout<Entry>.stride }

    @inline(__always)
    private func home(_ key: Int32) -> Int {
        // Numbers are given in order: those of one burst would otherwise make long runs.
        Int(truncatingIfNeeded: (UInt64(truncatingIfNeeded: key) &* 0x9E37_79B9_7F4A_7C15) &>> 32) & mask
    }

    /// The place of a key's cell; -1 for none.
    @inline(__always)
    subscript(key: Int32) -> Int32 {
        var i = home(key)
        while entries[i].key != key {
            if entries[i].key < 0 { return -1 }
            i = (i &+ 1) & mask
        }
        return entries[i].place
    }

    /// Notes the place of a key that has none yet.
    mutating func set(_ key: Int32, _ place: Int32) {
        if count * 2 > mask { grow() }
        count += 1
        put(Entry(key: key, place: place))
    }

    private func put(_ entry: Entry) {
        var i = home(entry.key)
        while entries[i].key >= 0 { i = (i + 1) & mask }
        entries[i] = entry
    }

    private mutating func grow() {
        let old = self
        self = CellTable(room: old.mask + 1)
        count = old.count
        for i in 0...old.mask where old.entries[i].key >= 0 { put(old.entries[i]) }
        old.deallocate()
    }

    /// Removes a key that is there and closes the gap (linear probing without tombstones).
    mutating func remove(_ key: Int32) {
        var hole = home(key)
        while entries[hole].key != key { hole = (hole + 1) & mask }
        var i = (hole + 1) & mask
        while entries[i].key >= 0 {
            if (i - home(entries[i].key)) & mask >= (i - hole) & mask {
                entries[hole] = entries[i]
                hole = i
            }
            i = (i + 1) & mask
        }
        entries[hole] = Entry(key: -1, place: -1)
        count -= 1
    }
}
