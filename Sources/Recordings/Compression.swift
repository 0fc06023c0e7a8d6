// SPDX-License-Identifier: Apache-2.0

import CZlib

/// zlib (RFC 1950) for many small texts: one state serves all, because making one costs more than compressing a kilobyte.
final class Compressor {
    private var stream = z_stream()
    private let isReady: Bool

    init() {
        isReady = deflateInit_(&stream, 6, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    }

    deinit { if isReady { deflateEnd(&stream) } }

    /// Nil where there is no memory.
    func compress(_ bytes: [UInt8]) -> [UInt8]? {
        guard isReady, deflateReset(&stream) == Z_OK else { return nil }
        let bound = Int(deflateBound(&stream, UInt(bytes.count)))
        return bytes.withUnsafeBufferPointer { input -> [UInt8]? in
            var isDone = false
            let output = [UInt8](unsafeUninitializedCapacity: bound) { output, count in
                stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(bound)
                isDone = deflate(&stream, Z_FINISH) == Z_STREAM_END
                count = bound - Int(stream.avail_out)
            }
            return isDone ? output : nil
        }
    }

    /// The bytes again; nil if they are not `count` bytes, or damaged.
    static func expand(_ bytes: [UInt8], count: Int) -> [UInt8]? {
        guard (0...Recording.maximumBytes).contains(count) else { return nil }
        var isDone = false
        let output = [UInt8](unsafeUninitializedCapacity: count + 1) { output, written in
            var length = uLongf(count + 1)
            isDone =
                uncompress(output.baseAddress, &length, bytes, uLong(bytes.count)) == Z_OK && Int(length) == count
            written = isDone ? count : 0
        }
        return isDone ? output : nil
    }
}

/// The beginning of a body whose Content-Encoding is gzip (RFC 1952) or deflate (RFC 1950). What comes out is bounded, whatever the
/// body claims to become.
package struct ExpandedBody {
    package private(set) var bytes: [UInt8]
    /// The body ends with these bytes.
    package private(set) var isWhole = false

    /// Nil where the bytes are not what they should be.
    ///
    /// - Parameters:
    ///   - compressed: the whole body.
    ///   - limit: bytes that may come out.
    package init?(beginningOf compressed: UnsafeRawBufferPointer, limit: Int) {
        var stream = z_stream()
        // 32 more: either format, by its first bytes.
        guard let base = compressed.baseAddress, compressed.count <= Int(UInt32.max),
            inflateInit2_(&stream, 15 + 32, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return nil }
        defer { inflateEnd(&stream) }
        stream.next_in = UnsafeMutablePointer(mutating: base.assumingMemoryBound(to: UInt8.self))
        stream.avail_in = UInt32(compressed.count)
        var status = Z_OK
        bytes = [UInt8](unsafeUninitializedCapacity: limit) { output, count in
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(limit)
            status = inflate(&stream, Z_SYNC_FLUSH)
            count = limit - Int(stream.avail_out)
        }
        guard status == Z_STREAM_END || (status == Z_OK || status == Z_BUF_ERROR) && bytes.count == limit else {
            return nil
        }
        isWhole = status == Z_STREAM_END && stream.avail_in == 0
    }
}
