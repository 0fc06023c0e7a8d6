// SPDX-License-Identifier: Apache-2.0

/// Everything of an event but its values: keys, brackets, commas, white space between them. Nearly all events of one source are
/// of a few shapes, because one program writes them.
///
/// An event of a known shape need not be walked: what stands between two values is compared as it is, and the values go where
/// those of the first event of that shape went. Whatever differs in a single byte is another shape, which `EventWalk` sees to. So
/// a shape says nothing that the walk would not: that what stands between the values is JSON, how deep it is, which keys it has and
/// that none stands twice follows from its being the same bytes. Only events without escapes have a shape.
final class EventShape {
    /// A piece of what stands between two values.
    struct Piece {
        var text: SIMD2<UInt64>
        /// All bits of the bytes that belong to it; the others are of a value.
        var mask: SIMD2<UInt64>
        /// It begins so many bytes behind this structural character, and ends within the event.
        let structural: Int32
        let shift: Int32
    }

    /// A value of an event that its slot takes whatever it holds.
    struct Fill {
        let slot: Int32
        /// The structural character with which the value begins.
        let structural: Int32
        let hops: UInt8
    }

    /// What is stored of an event.
    struct Store {
        enum Kind: UInt8 {
            case string, word
            /// There is an object or an empty array.
            case container
        }

        let kind: Kind
        let hops: UInt8
        /// Whether the slot takes the value whatever it holds; else it gets one more.
        let isFirst: Bool
        let slot: Int32
        /// The structural character with which it begins.
        let structural: Int32
    }

    /// Takes down what the walk of one event stores.
    final class Draft {
        fileprivate var stores: [Store] = []

        func note(_ structural: Int, _ value: Slot, slot: Int, hops: UInt8, isFirst: Bool) {
            let kind: Store.Kind =
                switch value.kind {
                case .container: .container
                case .string: .string
                default: .word
                }
            stores.append(
                Store(kind: kind, hops: hops, isFirst: isFirst, slot: Int32(slot), structural: Int32(structural)))
        }
    }

    /// Of longer events no shape is kept, in bytes.
    static let maximumBytes = 4096
    private static let pieceLength = 16

    /// Structural characters of the event.
    let count: Int
    private let pieceCount: Int
    /// The piece in which an event of another shape differed last.
    @exclusivity(unchecked) private var probe = 0
    let pieces: UnsafeMutableBufferPointer<Piece>
    /// Where numbers and words begin that nobody reads.
    let unread: UnsafeMutableBufferPointer<Int32>
    /// Strings, and numbers and words, of slots that nothing else is stored in; what is stored in other slots, in order.
    let strings: UnsafeMutableBufferPointer<Fill>
    let words: UnsafeMutableBufferPointer<Fill>
    let stores: UnsafeMutableBufferPointer<Store>

    /// The shape of an event that was walked; nil where there is white space behind a value or the event is long.
    ///
    /// - Parameters:
    ///   - offsets: of the structural characters, and the length.
    ///   - draft: what its walk stored.
    init?(_ event: UnsafeRawBufferPointer, offsets: UnsafePointer<UInt32>, count: Int, _ draft: Draft) {
        guard event.count <= Self.maximumBytes, count > 0 else { return nil }
        let read = Set(draft.stores.filter { $0.kind != .container }.map(\.structural))
        var pieces: [Piece] = []
        var unread: [Int32] = []
        /// Where what stands before the next value begins, as structural character and distance.
        var (begin, back) = (0, 0)
        /// What stands between values: its first structural character, the distance from there, and where it ends.
        var runs: [(begin: Int, back: Int, end: Int)] = []
        for i in 0..<count {
            let position = Int(offsets[i])
            let first = event[position]
            if Self.isPunctuation(first) { continue }
            let end = Int(offsets[i + 1])
            let isString = first == UInt8(ascii: "\"")
            // A key.
            if isString, i + 1 < count, event[end] == UInt8(ascii: ":") { continue }
            if isString ? event[end - 1] != UInt8(ascii: "\"") : event[end - 1] <= 0x20 { return nil }
            // A string's quotes belong to what stands around it.
            runs.append((begin, back, isString ? position + 1 : position))
            (begin, back) = (i + 1, isString ? 1 : 0)
            if !isString, !read.contains(Int32(i)) { unread.append(Int32(i)) }
        }
        guard begin < count else { return nil }
        runs.append((begin, back, Int(offsets[count - 1]) + 1))
        // Bytes that every event of the shape has, from here to its end; and before.
        var ahead = runs.reduce(0) { $0 + $1.end - (Int(offsets[$1.begin]) - $1.back) }
        var behind = 0
        for run in runs {
            let start = Int(offsets[run.begin]) - run.back
            for from in stride(from: start, to: run.end, by: Self.pieceLength) {
                // Near the end a piece begins earlier, over what is not compared: none reaches past an event, however short its
                // values are, or begins before it.
                let early = max(0, Self.pieceLength - ahead)
                guard early <= behind else { return nil }
                var piece = Piece(
                    text: .zero, mask: .zero, structural: Int32(run.begin),
                    shift: Int32(from - early - start - run.back))
                let length = min(Self.pieceLength, run.end - from)
                for i in 0..<length {
                    withUnsafeMutableBytes(of: &piece.text) { $0[early + i] = event[from + i] }
                    withUnsafeMutableBytes(of: &piece.mask) { $0[early + i] = 0xFF }
                }
                pieces.append(piece)
                ahead -= length
                behind += length
            }
        }
        self.count = count
        self.pieces = EventDecoder.lasting(pieces)
        pieceCount = pieces.count
        self.unread = EventDecoder.lasting(unread)
        let counts = Dictionary(draft.stores.map { ($0.slot, 1) }, uniquingKeysWith: +)
        func isAlone(_ store: Store) -> Bool { store.isFirst && store.kind != .container && counts[store.slot] == 1 }
        func fills(_ kind: Store.Kind) -> [Fill] {
            draft.stores.filter { $0.kind == kind && isAlone($0) }
                .map { Fill(slot: $0.slot, structural: $0.structural, hops: $0.hops) }
        }
        strings = EventDecoder.lasting(fills(.string))
        words = EventDecoder.lasting(fills(.word))
        stores = EventDecoder.lasting(draft.stores.filter { !isAlone($0) })
    }

    deinit {
        pieces.deallocate()
        unread.deallocate()
        strings.deallocate()
        words.deallocate()
        stores.deallocate()
    }

    /// A structural character with which no scalar begins.
    @inline(__always)
    static func isPunctuation(_ byte: UInt8) -> Bool {
        byte | 0x20 == 0x7D || byte | 0x20 == 0x7B || byte == 0x3A || byte == 0x2C
    }

    /// Whether an event with as many structural characters is of this shape. It has no escapes.
    ///
    /// Of other shapes nearly all events differ where the last one did. Beyond that nothing is decided before the end: a branch for
    /// each piece costs more than comparing all of them.
    @inline(__always)
    func isShape(of text: UnsafeRawPointer, offsets: UnsafePointer<UInt32>) -> Bool {
        let pieces = UnsafePointer(pieces.baseAddress.unsafelyUnwrapped)
        let first = Self.difference(pieces + probe, text, offsets)
        if first[0] | first[1] != 0 { return false }
        var differs = SIMD2<UInt64>.zero
        var piece = pieces
        let end = pieces + pieceCount
        while piece != end {
            differs |= Self.difference(piece, text, offsets)
            piece += 1
        }
        if differs[0] | differs[1] != 0 {
            notePiece(text, offsets)
            return false
        }
        var isOther: UInt64 = 0
        for structural in unread {
            let first = text.load(fromByteOffset: Int(offsets[Int(structural)]), as: UInt8.self)
            // Without a branch for each: punctuation and the quote, by their bits below 64, and the brackets.
            isOther |= first < 64 ? 0x0400_1004_0000_0000 &>> UInt64(first) : 0
            isOther |= (first | 0x20) &- 0x7B & 0xFD == 0 ? 1 : 0
        }
        return isOther & 1 == 0
    }

    @inline(__always)
    private static func difference(
        _ piece: UnsafePointer<Piece>, _ text: UnsafeRawPointer, _ offsets: UnsafePointer<UInt32>
    ) -> SIMD2<UInt64> {
        let at = Int(offsets[Int(piece.pointee.structural)]) &+ Int(piece.pointee.shift)
        let found = text.loadUnaligned(fromByteOffset: at, as: SIMD2<UInt64>.self)
        return (found ^ piece.pointee.text) & piece.pointee.mask
    }

    @inline(never)
    private func notePiece(_ text: UnsafeRawPointer, _ offsets: UnsafePointer<UInt32>) {
        for place in pieces.indices {
            let difference = Self.difference(pieces.baseAddress.unsafelyUnwrapped + place, text, offsets)
            if difference[0] | difference[1] != 0 {
                probe = place
                return
            }
        }
    }
}

extension EventWalk {
    /// Fills the slots from an event of this shape. False when a value is not valid: then some slots are filled already.
    mutating func replay(_ shape: EventShape) -> Bool {
        let text = UnsafeRawPointer(text)
        let offsets = offsets
        let slots = slots
        for fill in shape.strings {
            let begin = offsets + Int(fill.structural)
            let (start, end) = (Int(begin[0]) &+ 1, Int(begin[1]) &- 1)
            var value = Slot.string(UnsafeRawBufferPointer(start: text + start, count: end &- start))
            value.hops = fill.hops
            slots[Int(fill.slot)] = value
        }
        for fill in shape.words {
            let begin = offsets + Int(fill.structural)
            let (start, end) = (Int(begin[0]), Int(begin[1]))
            var value = Slot.missing
            if let number = JSONNumber.short(text, from: start, to: end) {
                value = .int(number)
            } else {
                let bytes = UnsafeRawBufferPointer(start: text + start, count: end &- start)
                guard let word = Self.word(bytes, text.load(fromByteOffset: start, as: UInt8.self)) else {
                    return false
                }
                value = word
            }
            value.hops = fill.hops
            slots[Int(fill.slot)] = value
        }
        for store in shape.stores {
            let structural = Int(store.structural)
            let value: Slot
            switch store.kind {
            case .string:
                let start = Int(offsets[structural]) &+ 1
                let end = Int(offsets[structural &+ 1]) &- 1
                value = .string(UnsafeRawBufferPointer(start: text + start, count: end &- start))
            case .word:
                let start = Int(offsets[structural])
                let end = Int(offsets[structural &+ 1])
                let first = text.load(fromByteOffset: start, as: UInt8.self)
                guard let word = Self.word(UnsafeRawBufferPointer(start: text + start, count: end &- start), first)
                else { return false }
                value = word
            case .container: value = .container
            }
            if store.isFirst {
                slots[Int(store.slot)] = value
                slots[Int(store.slot)].hops = store.hops
            } else if !append(value, slot: Int(store.slot)) {
                return false
            }
        }
        return true
    }
}

/// The shapes that were seen most, as far as one can tell. For one thread.
final class EventShapes {
    static let maximum = 48
    /// Of the events that are of no known shape, each so many-th gives a new one: sources whose events are all different are not
    /// slowed down much, and shapes that come often are found soon.
    static let sampling = 16
    private static let places = 128

    private var shapes: [EventShape] = []
    private let hot = UnsafeMutablePointer<Unmanaged<EventShape>>.allocate(capacity: maximum)
    /// By count of structural characters modulo `places`: the first shape; `next` has the ones after it. -1 ends a list.
    private let first = UnsafeMutablePointer<Int8>.allocate(capacity: places)
    private let next = UnsafeMutablePointer<Int8>.allocate(capacity: maximum)
    private var oldest = 0
    @exclusivity(unchecked) private var misses = 0

    init() {
        first.initialize(repeating: -1, count: Self.places)
        next.initialize(repeating: -1, count: Self.maximum)
    }

    deinit {
        hot.deallocate()
        first.deallocate()
        next.deallocate()
    }

    /// Fills the slots from an event of a known shape. False for any other event; `reset` is called when slots must be as they were.
    @inline(__always)
    func replay(_ walk: inout EventWalk, reset: (inout EventWalk) -> Void) -> Bool {
        var place = Int(first[walk.count & (Self.places - 1)])
        while place >= 0 {
            let isDone = hot[place]._withUnsafeGuaranteedRef { shape -> Bool? in
                guard shape.count == walk.count,
                    shape.isShape(of: walk.text, offsets: walk.offsets)
                else { return nil }
                return walk.replay(shape)
            }
            if let isDone {
                if !isDone { reset(&walk) }
                return isDone
            }
            place = Int(next[place])
        }
        return false
    }

    /// Something that takes down the shape of an event that nobody knows, when it is time for a new one.
    func draft() -> EventShape.Draft? {
        misses += 1
        return misses % Self.sampling == 0 ? EventShape.Draft() : nil
    }

    func add(_ shape: EventShape) {
        if shapes.count < Self.maximum {
            shapes.append(shape)
        } else {
            shapes[oldest] = shape
            oldest = (oldest + 1) % Self.maximum
        }
        first.update(repeating: -1, count: Self.places)
        for (place, shape) in shapes.enumerated() {
            (hot + place).initialize(to: .passUnretained(shape))
            next[place] = first[shape.count & (Self.places - 1)]
            first[shape.count & (Self.places - 1)] = Int8(place)
        }
    }
}
