// SPDX-License-Identifier: Apache-2.0

/// Many short byte strings in chunks of memory, without a header each, by place. They stay where they are. The owner frees it.
///
/// A size is rounded up to the next multiple of 4; what is freed waits for the next string of that size. Longer strings than
/// `longest` have memory of their own.
struct ByteSlab {
    private static let longest = 128
    /// Units of 4 bytes in a chunk, as a power of two.
    private static let shift: UInt32 = 14
    private static let isLong: UInt32 = 1 << 31
    private static let none = UInt32.max

    private var chunks = UnsafeMutablePointer<UnsafeMutableRawPointer>.allocate(capacity: 1)
    private var capacity = 1
    private var count = 0
    /// Units of the last chunk that nobody has had yet.
    private var rest = 0
    /// Per size, the first free place; each holds the next one.
    private var free = [UInt32](repeating: none, count: longest / 4 + 1)
    /// Strings that have memory of their own, and their bytes.
    private var long: [UnsafeMutableRawPointer?] = []
    private var freeLong: [UInt32] = []
    private var longBytes = 0

    /// Bytes of memory.
    var bytes: Int { count << Int(Self.shift) * 4 + capacity * 8 + long.capacity * 8 + longBytes }

    @inline(__always)
    subscript(place: UInt32) -> UnsafeMutableRawPointer {
        if place & Self.isLong != 0 { return longString(place) }
        return chunks[Int(place &>> Self.shift)] + Int(place & (1 &<< Self.shift &- 1)) &* 4
    }

    private func longString(_ place: UInt32) -> UnsafeMutableRawPointer {
        long[Int(place & ~Self.isLong)].unsafelyUnwrapped
    }

    mutating func take(_ count: Int) -> UInt32 {
        if count > Self.longest { return takeLong(count) }
        let size = max(1, (count + 3) / 4)
        if case let place = free[size], place != Self.none {
            free[size] = self[place].load(as: UInt32.self)
            return place
        }
        if rest < size { addChunk() }
        rest -= size
        return UInt32(self.count - 1) << Self.shift + UInt32(rest)
    }

    private mutating func addChunk() {
        if count == capacity {
            chunks = chunks.grown(count, to: capacity * 2)
            capacity *= 2
        }
        chunks[count] = .allocate(byteCount: 4 << Int(Self.shift), alignment: 8)
        count += 1
        rest = 1 << Int(Self.shift)
    }

    private mutating func takeLong(_ count: Int) -> UInt32 {
        longBytes += count + 16
        let memory = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 8)
        if let place = freeLong.popLast() {
            long[Int(place)] = memory
            return place | Self.isLong
        }
        long.append(memory)
        return UInt32(long.count - 1) | Self.isLong
    }

    /// - Parameter count: as it was taken.
    mutating func free(_ place: UInt32, _ count: Int) {
        if count > Self.longest {
            longBytes -= count + 16
            self[place].deallocate()
            long[Int(place & ~Self.isLong)] = nil
            freeLong.append(place & ~Self.isLong)
            return
        }
        let size = max(1, (count + 3) / 4)
        self[place].storeBytes(of: free[size], as: UInt32.self)
        free[size] = place
    }

    /// Frees everything.
    func deallocate() {
        for i in 0..<count { chunks[i].deallocate() }
        chunks.deallocate()
        for case let memory? in long { memory.deallocate() }
    }
}
