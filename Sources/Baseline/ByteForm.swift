// SPDX-License-Identifier: Apache-2.0

/// Appends numbers to bytes, little-endian.
struct ByteSink {
    private(set) var bytes: [UInt8] = []

    mutating func put<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func put(_ value: Float) { put(value.bitPattern) }

    mutating func put(_ value: Double) { put(value.bitPattern) }

    mutating func put(_ values: [UInt8]) { bytes += values }
}

/// Reads what `ByteSink` wrote; nil past the end and for numbers that are none.
struct ByteSource {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { position == bytes.count }

    mutating func take<Value: FixedWidthInteger>(_: Value.Type = Value.self) -> Value? {
        let size = MemoryLayout<Value>.size
        guard bytes.count - position >= size else { return nil }
        defer { position += size }
        return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Value.self))
    }

    mutating func takeFloat() -> Float? {
        guard let pattern: UInt32 = take(), case let value = Float(bitPattern: pattern), value.isFinite else {
            return nil
        }
        return value
    }

    mutating func takeDouble() -> Double? {
        guard let pattern: UInt64 = take(), case let value = Double(bitPattern: pattern), value.isFinite else {
            return nil
        }
        return value
    }

    mutating func take(count: Int) -> [UInt8]? {
        guard count >= 0, bytes.count - position >= count else { return nil }
        defer { position += count }
        return Array(bytes[position..<(position + count)])
    }
}
