// SPDX-License-Identifier: Apache-2.0

import CPrefetch

/// State per group key: `Cell`s in one slab, found by the key's number. Remembers which ones changed since they were last
/// written to disk. For one thread.
struct CellMap<Cell> {
    private var places: UnsafeMutablePointer<Int32>
    private var placeCount = 64
    private var cells: UnsafeMutablePointer<Cell>
    private var keys: UnsafeMutablePointer<Int32>
    private var changedFlags: UnsafeMutablePointer<Bool>
    private var capacity = 8
    private var used = 0
    private var free: [Int32] = []
    /// Keys whose cells changed, in order; some of them may be gone since.
    private var changed: [Int32] = []
    /// Keys removed since the last `takeChanges`.
    private var removed: [[UInt8]] = []
    private(set) var count = 0
    let keySpace: KeySpace

    init(keySpace: KeySpace) {
        self.keySpace = keySpace
        places = .allocate(capacity: placeCount)
        places.initialize(repeating: -1, count: placeCount)
        cells = .allocate(capacity: capacity)
        keys = .allocate(capacity: capacity)
        changedFlags = .allocate(capacity: capacity)
    }

    /// Frees everything; each live cell passes through `body` first.
    mutating func deallocate(_ body: (inout Cell) -> Void) {
        for i in 0..<used where keys[i] >= 0 {
            body(&cells[i])
            (cells + i).deinitialize(count: 1)
        }
        places.deallocate()
        cells.deallocate()
        keys.deallocate()
        changedFlags.deallocate()
    }

    /// Bytes of the slab.
    var bytes: Int { placeCount * 4 + capacity * (MemoryLayout<Cell>.stride + 5) }

    /// The cell of a key, nil where there is none. Valid until the next `make`.
    @inline(__always)
    func find(_ key: Int32) -> UnsafeMutablePointer<Cell>? {
        guard Int(key) < placeCount, case let place = Int(places[Int(key)]), place >= 0 else { return nil }
        return cells + place
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

    private mutating func add(_ key: Int32, _ initial: Cell) -> UnsafeMutablePointer<Cell> {
        if Int(key) >= placeCount {
            var larger = placeCount
            while larger <= Int(key) { larger *= 2 }
            places = places.grown(placeCount, to: larger)
            (places + placeCount).initialize(repeating: -1, count: larger - placeCount)
            placeCount = larger
        }
        let place: Int32
        if let freed = free.popLast() {
            place = freed
        } else {
            if used == capacity { grow() }
            place = Int32(used)
            used += 1
        }
        (cells + Int(place)).initialize(to: initial)
        keys[Int(place)] = key
        changedFlags[Int(place)] = false
        places[Int(key)] = place
        keySpace.hold(key)
        count += 1
        return cells + Int(place)
    }

    /// Notes that the cell of a key must be written.
    @inline(__always)
    mutating func touch(_ key: Int32) {
        let place = Int(places[Int(key)])
        if changedFlags[place] { return }
        changedFlags[place] = true
        note(key)
    }

    private mutating func note(_ key: Int32) {
        changed.append(key)
    }

    /// Gives what changed since the last call and starts over: keys that were removed, without a value, then the changed cells.
    /// A cell that is gone, or changed again under the same number, is not repeated.
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
        for key in changed {
            guard Int(key) < placeCount, case let place = Int(places[Int(key)]), place >= 0, changedFlags[place] else {
                continue
            }
            changedFlags[place] = false
            body(keySpace.bytes(of: key), encode(key, cells[place]))
        }
        startOver()
    }

    /// Forgets what changed: nobody stores it.
    mutating func discardChanges() {
        for key in changed {
            if Int(key) < placeCount, places[Int(key)] >= 0 { changedFlags[Int(places[Int(key)])] = false }
        }
        startOver()
    }

    private mutating func startOver() {
        removed.removeAll()
        changed.removeAll(keepingCapacity: changed.count < 1 << 16)
    }

    /// Removes the cells for which `isOver` is true.
    mutating func sweep(_ isOver: (inout Cell) -> Bool) {
        sweep { isOver(&$1) }
    }

    /// The same with the key.
    mutating func sweep(_ isOver: (Int32, inout Cell) -> Bool) {
        for i in 0..<used where keys[i] >= 0 && isOver(keys[i], &cells[i]) {
            let key = keys[i]
            removed.append(Array(keySpace.bytes(of: key)))
            changedFlags[i] = false
            (cells + i).deinitialize(count: 1)
            keys[i] = -1
            places[Int(key)] = -1
            free.append(Int32(i))
            count -= 1
            keySpace.release(key)
        }
        if capacity > 1024, count < capacity / 8 { shrink() }
    }

    /// Gives memory back after a burst of keys: moves the cells into a slab that fits.
    private mutating func shrink() {
        var smaller = 8
        while smaller < count * 2 { smaller *= 2 }
        let newCells = UnsafeMutablePointer<Cell>.allocate(capacity: smaller)
        let newKeys = UnsafeMutablePointer<Int32>.allocate(capacity: smaller)
        let newFlags = UnsafeMutablePointer<Bool>.allocate(capacity: smaller)
        var to = 0
        for i in 0..<used where keys[i] >= 0 {
            (newCells + to).moveInitialize(from: cells + i, count: 1)
            newKeys[to] = keys[i]
            newFlags[to] = changedFlags[i]
            places[Int(keys[i])] = Int32(to)
            to += 1
        }
        cells.deallocate()
        keys.deallocate()
        changedFlags.deallocate()
        (cells, keys, changedFlags, capacity, used, free) = (newCells, newKeys, newFlags, smaller, to, [])
        if count == 0, placeCount > 64 {
            places.deallocate()
            placeCount = 64
            places = .allocate(capacity: placeCount)
            places.initialize(repeating: -1, count: placeCount)
            changed = []
        }
    }

    func forEach(_ body: (Int32, inout Cell) -> Void) {
        for i in 0..<used where keys[i] >= 0 { body(keys[i], &cells[i]) }
    }

    /// Large slabs grow by a quarter: what is not in use yet should not weigh as much as what is.
    private mutating func grow() {
        let room = capacity < 4096 ? capacity * 2 : capacity + capacity / 4
        cells = cells.grown(used, to: room)
        keys = keys.grown(used, to: room)
        changedFlags = changedFlags.grown(used, to: room)
        capacity = room
    }
}
