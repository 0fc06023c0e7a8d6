// SPDX-License-Identifier: Apache-2.0

/// Many short byte strings in chunks of memory, without a header each. They stay where they are. The owner frees it.
///
/// A size is rounded up to the next multiple of 8; what is freed waits for the next string of that size. Longer strings than
/// `longest` have memory of their own.
struct ByteSlab {
    private static let longest = 64
    private static let chunk = 1 << 16

    private var chunks: [UnsafeMutableRawPointer] = []
    /// Bytes of the last chunk that nobody has had yet.
    private var rest = 0
    /// Per size, the first free place; each holds the address of the next.
    private var free = [UnsafeMutableRawPointer?](repeating: nil, count: longest / 8 + 1)
    /// Bytes of strings that have memory of their own.
    private var large = 0

    /// Bytes of memory.
    var bytes: Int { chunks.count * Self.chunk + large }

    mutating func take(_ count: Int) -> UnsafeMutableRawPointer {
        if count > Self.longest {
            large += count + 16
            return .allocate(byteCount: count, alignment: 8)
        }
        let size = max(1, (count + 7) / 8)
        if let place = free[size] {
            free[size] = place.load(as: UnsafeMutableRawPointer?.self)
            return place
        }
        if rest < size * 8 {
            chunks.append(.allocate(byteCount: Self.chunk, alignment: 8))
            rest = Self.chunk
        }
        rest -= size * 8
        return chunks[chunks.count - 1] + rest
    }

    mutating func free(_ place: UnsafeMutableRawPointer, _ count: Int) {
        if count > Self.longest {
            large -= count + 16
            place.deallocate()
            return
        }
        let size = max(1, (count + 7) / 8)
        place.storeBytes(of: free[size], as: UnsafeMutableRawPointer?.self)
        free[size] = place
    }

    /// Frees everything except strings that have memory of their own.
    func deallocate() {
        for chunk in chunks { chunk.deallocate() }
    }
}
