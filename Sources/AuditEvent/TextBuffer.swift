// SPDX-License-Identifier: Apache-2.0

/// Text that is written again and again in the same memory. For one owner: it frees its memory with itself.
final class TextBuffer {
    private var start: UnsafeMutableRawPointer
    private var capacity: Int
    private var count = 0

    init(capacity: Int = 4096) {
        start = .allocate(byteCount: capacity, alignment: 1)
        self.capacity = capacity
    }

    deinit {
        start.deallocate()
    }

    /// Valid until something is written.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }

    func clear() { count = 0 }

    func append(_ bytes: UnsafeRawBufferPointer) {
        guard let from = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count)
        (start + count).copyMemory(from: from, byteCount: bytes.count)
        count += bytes.count
    }

    func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0) } }

    func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends text, with U+FFFD for what is not UTF-8.
    func append(repairing bytes: UnsafeRawBufferPointer) {
        if bytes.allSatisfy({ $0 < 0x80 }) { return append(bytes) }
        // Rare in logs, so a String is fine.
        var text = String(decoding: bytes, as: UTF8.self)
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Appends a JSON string (RFC 8259, section 7).
    func quote(_ bytes: UnsafeRawBufferPointer) {
        append("\"")
        var clean = 0
        for index in bytes.indices {
            let byte = bytes[index]
            guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
            append(UnsafeRawBufferPointer(rebasing: bytes[clean..<index]))
            clean = index + 1
            if byte < 0x20 {
                append("\\u00")
                append([Self.hex(byte >> 4), Self.hex(byte & 15)])
            } else {
                append([UInt8(ascii: "\\"), byte])
            }
        }
        append(UnsafeRawBufferPointer(rebasing: bytes[clean...]))
        append("\"")
    }

    /// Takes back a comma that nothing follows.
    func dropComma() {
        if bytes.last == UInt8(ascii: ",") { count -= 1 }
    }

    private func reserve(_ more: Int) {
        guard count + more > capacity else { return }
        let larger = max(capacity * 2, count + more)
        let new = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 1)
        new.copyMemory(from: start, byteCount: count)
        start.deallocate()
        start = new
        capacity = larger
    }

    private static func hex(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }
}
