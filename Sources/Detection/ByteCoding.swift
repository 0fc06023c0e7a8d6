// SPDX-License-Identifier: Apache-2.0

/// Writes the engine's state as bytes: little-endian integers, texts with their length before them.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func write<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func write(_ value: Double) {
        write(value.bitPattern)
    }

    mutating func write(text: String) {
        write(UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    /// Bytes with their number before them.
    mutating func write(block: some Collection<UInt8>) {
        write(UInt32(block.count))
        bytes.append(contentsOf: block)
    }

    mutating func write(_ id: EventID, _ texts: LongEventIDs) {
        write(id.kind.rawValue)
        write(id.high)
        write(id.low)
        if id.kind == .hashed { write(text: texts.text(id)) }
    }
}

/// Reads what `ByteWriter` wrote. Throws instead of trapping: the bytes come from a file. They must outlive the reader.
struct ByteReader {
    struct Damaged: Error {}

    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { position == bytes.count }

    mutating func read<Value: FixedWidthInteger>(_: Value.Type = Value.self) throws(Damaged) -> Value {
        let size = MemoryLayout<Value>.size
        guard position + size <= bytes.count else { throw Damaged() }
        defer { position += size }
        return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Value.self))
    }

    mutating func readDouble() throws(Damaged) -> Double {
        Double(bitPattern: try read(UInt64.self))
    }

    mutating func readText() throws(Damaged) -> String {
        let count = Int(try read(UInt32.self))
        guard position + count <= bytes.count else { throw Damaged() }
        defer { position += count }
        return String(decoding: bytes[position..<(position + count)], as: UTF8.self)
    }

    mutating func readBlock() throws(Damaged) -> [UInt8] {
        let count = Int(try read(UInt32.self))
        guard position + count <= bytes.count else { throw Damaged() }
        defer { position += count }
        return Array(bytes[position..<(position + count)])
    }

    mutating func readID(_ texts: inout LongEventIDs) throws(Damaged) -> EventID {
        guard let kind = EventID.Kind(rawValue: try read(UInt8.self)) else { throw Damaged() }
        let id = EventID(high: try read(), low: try read(), kind: kind)
        if kind == .hashed { texts.remember(id, text: try readText()) }
        return id
    }
}
