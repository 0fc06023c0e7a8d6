// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// Finds a literal in a text: eight bytes a step to the next byte that can begin it, then a comparison.
///
/// A value that makes many comparisons fail late (`aaaa…` against `aaaa…b`) would cost the product of both lengths; past a
/// budget the rest is searched with the failure function of Knuth, Morris and Pratt, so the cost stays linear.
struct LiteralSearch {
    /// Literals up to here are two comparisons of a word at most and need no failure function.
    static let short = 16

    let literal: UnsafeRawBufferPointer
    /// Bytes compare as they are; otherwise ASCII letters of the text are lowered, and `literal` is lower case.
    let cased: Bool
    /// The failure function, as long as the literal; nil for a short one.
    let failure: UnsafePointer<Int32>?

    /// Where the literal first begins at or after `from`; -1 when it does not.
    func first(in text: UnsafeRawBufferPointer, from: Int = 0) -> Int {
        let count = literal.count
        if count == 0 { return from }
        guard text.count - from >= count, let start = text.baseAddress, let wanted = literal.baseAddress else {
            return -1
        }
        let last = text.count - count
        let head = wanted.load(as: UInt8.self)
        let heads = UInt64(head) &* 0x0101_0101_0101_0101
        var budget = 8 &* text.count
        var at = from
        while at <= last {
            if at &+ 8 <= text.count {
                var word = start.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                if !cased { word = ASCII.lower(word) }
                let difference = word.littleEndian ^ heads
                // The lowest marked byte is zero for certain, the ones above it perhaps.
                let hits = (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080
                if hits == 0 {
                    at &+= 8
                    continue
                }
                at &+= hits.trailingZeroBitCount &>> 3
                if at > last { return -1 }
            } else {
                let byte = start.load(fromByteOffset: at, as: UInt8.self)
                if (cased ? byte : ASCII.lower(byte)) != head {
                    at &+= 1
                    continue
                }
            }
            if cased
                ? ASCII.equal(start + at, wanted, count: count) : ASCII.equalFolding(start + at, wanted, count: count)
            {
                return at
            }
            at &+= 1
            if let failure {
                budget &-= count &>> 3
                if budget < 0 { return linear(text, from: at, failure) }
            }
        }
        return -1
    }

    private func linear(_ text: UnsafeRawBufferPointer, from: Int, _ failure: UnsafePointer<Int32>) -> Int {
        var matched = 0
        for i in from..<text.count {
            let byte = cased ? text[i] : ASCII.lower(text[i])
            while matched > 0, literal[matched] != byte { matched = Int(failure[matched &- 1]) }
            if literal[matched] == byte { matched &+= 1 }
            if matched == literal.count { return i &- matched &+ 1 }
        }
        return -1
    }

    /// Writes the failure function of a literal: per prefix, the length of its longest border.
    static func writeFailure(of literal: UnsafeRawBufferPointer, to failure: UnsafeMutablePointer<Int32>) {
        guard !literal.isEmpty else { return }
        failure[0] = 0
        var border = 0
        for i in 1..<max(1, literal.count) {
            while border > 0, literal[border] != literal[i] { border = Int(failure[border &- 1]) }
            if literal[border] == literal[i] { border &+= 1 }
            failure[i] = Int32(truncatingIfNeeded: border)
        }
    }
}

/// The bytes of literals and what searching for them needs, at addresses that stay as long as this object.
final class LiteralStore {
    private var bytes: [UnsafeMutableRawBufferPointer] = []
    private var tables: [UnsafeMutablePointer<Int32>] = []

    deinit {
        for buffer in bytes { buffer.deallocate() }
        for table in tables { table.deallocate() }
    }

    func keep(_ text: some Collection<UInt8>) -> UnsafeRawBufferPointer {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(8, text.count), alignment: 8)
        buffer.copyBytes(from: text)
        bytes.append(buffer)
        return UnsafeRawBufferPointer(rebasing: buffer[..<text.count])
    }

    /// The failure function of a literal, nil for a short one.
    func failure(of literal: UnsafeRawBufferPointer) -> UnsafePointer<Int32>? {
        guard literal.count > LiteralSearch.short else { return nil }
        let table = UnsafeMutablePointer<Int32>.allocate(capacity: literal.count)
        LiteralSearch.writeFailure(of: literal, to: table)
        tables.append(table)
        return UnsafePointer(table)
    }
}

extension UnsafeRawBufferPointer {
    /// Whether every byte is below 0x80.
    var isASCII: Bool {
        var bits: UInt8 = 0
        for byte in self { bits |= byte }
        return bits < 0x80
    }
}
