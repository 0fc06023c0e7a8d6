// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// Finds which of many literals stand in a text, in one pass however many there are: of each literal its rarest four bytes are
/// looked for, through a bit map that stays in the nearest cache, and only where they stand the literal is compared.
///
/// Literals may be found too often, never too seldom: of a long one only `compared` bytes are compared, so that no text can make
/// many comparisons fail late.
final class GramTable {
    /// Bytes of a gram. Shorter literals do not fit in here.
    static let length = 4
    static let compared = 16

    private struct Literal {
        /// The part that is compared, lower case.
        let part: UnsafeRawBufferPointer
        /// Where the gram stands in that part.
        let offset: Int32
        /// The next literal with the same gram; -1 ends.
        let next: Int32
        let value: Int32
    }

    private struct Cell {
        var gram: UInt32
        /// The first literal; -1 marks an empty cell.
        var first: Int32
    }

    private let store = LiteralStore()
    private let literals: UnsafeMutableBufferPointer<Literal>
    private let cells: UnsafeMutablePointer<Cell>
    private let mask: Int
    private let cellShift: UInt32
    /// One bit per hash of a gram.
    private let bits: UnsafeMutablePointer<UInt64>
    private let shift: UInt32

    /// - Parameter entries: literals of at least `length` bytes, lower case, and what `find` gives for each.
    init(_ entries: [(text: [UInt8], value: Int32)]) {
        // Grams that many literals have are likely to be frequent in texts as well.
        var uses: [UInt32: Int] = [:]
        for entry in entries {
            for gram in Set(Self.grams(entry.text)) { uses[gram, default: 0] += 1 }
        }
        var sizeBits: UInt32 = 4
        while 1 << sizeBits < entries.count * 2 { sizeBits += 1 }
        let capacity = 1 << Int(sizeBits)
        cellShift = 32 - sizeBits
        var bitCount = 10
        while bitCount < 17, 1 << bitCount < entries.count * 32 { bitCount += 1 }
        shift = UInt32(32 - bitCount)
        mask = capacity - 1
        cells = .allocate(capacity: capacity)
        cells.initialize(repeating: Cell(gram: 0, first: -1), count: capacity)
        bits = .allocate(capacity: 1 << (bitCount - 6))
        bits.initialize(repeating: 0, count: 1 << (bitCount - 6))
        literals = .allocate(capacity: max(1, entries.count))
        for (index, entry) in entries.enumerated() {
            let grams = Self.grams(entry.text)
            let offset = grams.indices.min { uses[grams[$0], default: 0] < uses[grams[$1], default: 0] } ?? 0
            let from = max(0, min(offset - (Self.compared - Self.length) / 2, entry.text.count - Self.compared))
            let part = store.keep(entry.text[from..<min(entry.text.count, from + Self.compared)])
            let gram = grams[offset]
            let hash = Self.hash(gram)
            bits[Int(hash >> shift) >> 6] |= 1 << UInt64(hash >> shift & 63)
            var at = Int(hash >> cellShift)
            while cells[at].first >= 0, cells[at].gram != gram { at = (at + 1) & mask }
            literals.initializeElement(
                at: index,
                to: Literal(part: part, offset: Int32(offset - from), next: cells[at].first, value: entry.value))
            cells[at] = Cell(gram: gram, first: Int32(index))
        }
    }

    deinit {
        literals.deallocate()
        cells.deallocate()
        bits.deallocate()
    }

    private static func grams(_ text: [UInt8]) -> [UInt32] {
        (0...(text.count - length)).map { i in
            (0..<length).reduce(0) { $0 | UInt32(text[i + $1]) << UInt32(8 * $1) }
        }
    }

    @inline(__always)
    private static func hash(_ gram: UInt32) -> UInt32 { gram &* 0x9E37_79B1 }

    /// Calls `body` for the literals that stand anywhere in the text, perhaps several times for one.
    @inline(__always)
    func find(in text: UnsafeRawBufferPointer, _ body: (Int32) -> Void) {
        guard let start = text.baseAddress, text.count >= Self.length else { return }
        let last = text.count &- Self.length
        var at = 0
        // Eight bytes hold five grams.
        while at &+ 8 <= text.count {
            let word = ASCII.lower(start.loadUnaligned(fromByteOffset: at, as: UInt64.self)).littleEndian
            for i in 0..<5 {
                let gram = UInt32(truncatingIfNeeded: word &>> UInt64(8 &* i))
                if isMarked(gram) { look(gram, start, text.count, at &+ i, body) }
            }
            at &+= 5
        }
        while at <= last {
            let gram = Self.gram(start + at)
            if isMarked(gram) { look(gram, start, text.count, at, body) }
            at &+= 1
        }
    }

    @inline(__always)
    private func isMarked(_ gram: UInt32) -> Bool {
        let place = Self.hash(gram) &>> shift
        return bits[Int(truncatingIfNeeded: place &>> 6)] &>> UInt64(place & 63) & 1 != 0
    }

    @inline(__always)
    private static func gram(_ start: UnsafeRawPointer) -> UInt32 {
        let word = UInt64(UInt32(littleEndian: start.loadUnaligned(as: UInt32.self)))
        return UInt32(truncatingIfNeeded: ASCII.lower(word))
    }

    @inline(never)
    private func look(
        _ gram: UInt32, _ start: UnsafeRawPointer, _ count: Int, _ at: Int, _ body: (Int32) -> Void
    ) {
        var place = Int(truncatingIfNeeded: Self.hash(gram) &>> cellShift)
        while cells[place].first >= 0 {
            guard cells[place].gram == gram else {
                place = (place &+ 1) & mask
                continue
            }
            var next = cells[place].first
            while next >= 0 {
                let literal = literals[Int(next)]
                next = literal.next
                let from = at &- Int(literal.offset)
                guard from >= 0, from &+ literal.part.count <= count, let part = literal.part.baseAddress,
                    ASCII.equalFolding(start + from, part, count: literal.part.count)
                else { continue }
                body(literal.value)
            }
            return
        }
    }
}
