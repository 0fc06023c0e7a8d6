// SPDX-License-Identifier: Apache-2.0

import CSimdJSON

/// simdjson's structural index of one text at a time. For one thread.
package final class JSONIndex {
    private let parser: OpaquePointer
    private(set) var offsets: UnsafePointer<UInt32>
    private(set) var count = 0
    /// The text that the offsets are of.
    private var text = UnsafeRawBufferPointer(start: nil, count: 0)
    /// Per row of the decoder, unescaped strings.
    private let unescaped: UnsafeMutableBufferPointer<UnsafeMutableRawBufferPointer>
    /// The unescaped string that `anyScalar` looks at. Its own, because slots point into `unescaped`.
    private var keyword: UnsafeMutablePointer<UInt8>?
    private var keywordCapacity = 0

    package init?() {
        guard let parser = gw_json_create() else { return nil }
        self.parser = parser
        unescaped = .allocate(capacity: EventDecoder.kept)
        unescaped.initialize(repeating: UnsafeMutableRawBufferPointer(start: nil, count: 0))
        offsets = UnsafePointer(bitPattern: MemoryLayout<UInt32>.alignment)!  // never read while count is 0
    }

    deinit {
        gw_json_destroy(parser)
        for room in unescaped { room.deallocate() }
        unescaped.deallocate()
        keyword?.deallocate()
    }

    /// Indexes a text, which must stay where it is while the index is used. `count` is 0 for nothing but white space, and
    /// `offsets[count]` is the length.
    func build(_ text: UnsafeRawBufferPointer) throws(EventError) {
        var found: UnsafePointer<UInt32>?
        var size = 0
        let error = gw_json_index(
            parser, text.baseAddress?.assumingMemoryBound(to: UInt8.self), text.count, &found, &size)
        count = 0
        guard error == 0, let found else { throw .notJSON(String(cString: gw_json_error(error))) }
        offsets = found
        count = size
        self.text = text
    }

    private func keywordRoom(_ bytes: Int) -> UnsafeMutablePointer<UInt8> {
        if let keyword, keywordCapacity >= bytes { return keyword }
        keyword?.deallocate()
        let room = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes * 2)
        keyword = room
        keywordCapacity = bytes * 2
        return room
    }

    /// Room for the unescaped strings of a text of `bytes` bytes, until a row of the decoder is used again.
    func scratch(_ bytes: Int, row: Int) -> UnsafeMutablePointer<UInt8> {
        if unescaped[row].count < bytes {
            unescaped[row].deallocate()
            unescaped[row] = .allocate(byteCount: max(1, bytes * 2), alignment: 8)
        }
        return UnsafeMutableRawPointer(unescaped[row].baseAddress.unsafelyUnwrapped).assumingMemoryBound(to: UInt8.self)
    }

    /// Each scalar value that is no key. Values that are not valid are passed over.
    func anyScalar(in text: UnsafeRawBufferPointer, _ body: (Slot) -> Bool) -> Bool {
        guard let base = text.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return false }
        // Another event has been decoded since.
        if text.baseAddress != self.text.baseAddress || text.count != self.text.count || count == 0 {
            do throws(EventError) { try build(text) } catch { return false }
        }
        for i in 0..<count {
            let position = Int(offsets[i])
            let first = base[position]
            switch first {
            case 0x7B, 0x7D, 0x5B, 0x5D, 0x3A, 0x2C: continue
            default: break
            }
            let next = i + 1 < count ? Int(offsets[i + 1]) : text.count
            if next < text.count, base[next] == UInt8(ascii: ":") { continue }
            var end = next
            while end > position, base[end - 1] <= 0x20 { end -= 1 }
            let bytes = UnsafeRawBufferPointer(start: base + position, count: end - position)
            let slot: Slot
            if first == UInt8(ascii: "\"") {
                guard bytes.count >= 2 else { continue }
                let content = UnsafeRawBufferPointer(rebasing: bytes[1..<(bytes.count - 1)])
                if let escape = content.firstIndex(of: UInt8(ascii: "\\")) {
                    let room = keywordRoom(content.count)
                    guard let size = JSONEscapes.decode(content, firstEscape: escape, into: room) else { continue }
                    slot = .string(UnsafeRawBufferPointer(start: room, count: size))
                } else {
                    slot = .string(content)
                }
            } else if first == UInt8(ascii: "t"), bytes.elementsEqual("true".utf8) {
                slot = .bool(true)
            } else if first == UInt8(ascii: "f"), bytes.elementsEqual("false".utf8) {
                slot = .bool(false)
            } else if let value = JSONNumber.read(bytes) {
                slot = value
            } else {
                continue
            }
            if body(slot) { return true }
        }
        return false
    }

    /// Parses a text with simdjson's DOM, for comparison in benchmarks; `padded` has `padding` readable bytes after `count`.
    package func parseDOM(_ padded: UnsafeRawPointer, count: Int) -> Bool {
        gw_json_parse_dom(parser, padded.assumingMemoryBound(to: UInt8.self), count) == 0
    }

    /// Bytes that must be readable after a text given to `parseDOM`.
    package static var padding: Int { gw_json_padding() }
}
