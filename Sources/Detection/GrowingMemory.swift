// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension UnsafeMutablePointer {
    /// The same elements in memory for `capacity` of them; the old address is not to be used any more.
    ///
    /// Large memory is moved by its pages, not copied, and leaves no hole behind. Elements are moved as bytes, as Swift moves all
    /// values that do not hold their own address.
    @inline(never)
    func grown(_ count: Int, to capacity: Int) -> Self {
        // What `allocate` gives is `malloc`'s up to this alignment.
        if MemoryLayout<Pointee>.alignment <= 16,
            let memory = realloc(self, capacity * MemoryLayout<Pointee>.stride)
        {
            return memory.assumingMemoryBound(to: Pointee.self)
        }
        let larger = Self.allocate(capacity: capacity)
        larger.moveInitialize(from: self, count: count)
        deallocate()
        return larger
    }
}

extension UnsafeMutableRawPointer {
    /// Memory for bytes that are read and written unaligned, for `deallocate`. `allocate` gives the same, but asks the system for
    /// aligned memory, which takes twice as long.
    static func plain(_ count: Int) -> Self {
        malloc(count) ?? .allocate(byteCount: count, alignment: 1)
    }
}
