// SPDX-License-Identifier: Apache-2.0

import CZlib

/// Undoes the Content-Encoding of a request body that policy reads (RFC 9110 §8.4), with a cap on what comes out.
enum ContentDecoding {
    /// What comes out may be this many times what went in, once it is over `freeBytes`: real bodies stay far below,
    /// bombs do not.
    static let maximumRatio = 200
    /// Below this no ratio is looked at: short, even texts shrink a lot.
    static let freeBytes = 1 << 20

    /// The body without its encoding; nil when it has none.
    ///
    /// - Parameters:
    ///   - encoding: the Content-Encoding header.
    ///   - limit: bytes that may come out.
    static func decode(
        _ body: UnsafeRawBufferPointer, encoding: String?, limit: Int
    ) throws(RequestRefusal) -> [UInt8]? {
        guard let encoding else { return nil }
        let name = encoding.trimmed.lowercased()
        switch name {
        case "", "identity": return nil
        case "gzip", "x-gzip": return try inflate(body, windowBits: 15 + 16, manyMembers: true, limit)
        case "deflate": return try inflate(body, windowBits: 15, manyMembers: false, limit)
        default:
            throw RequestRefusal(
                .unsupportedMedia,
                "The Content-Encoding '\(RequestRefusal.shown(encoding))' cannot be read here. Send the body as it is, "
                    + "or as one of gzip, deflate.")
        }
    }

    /// - Parameter windowBits: 15 for zlib (RFC 1950), 16 more for gzip (RFC 1952), as `inflateInit2` takes them.
    private static func inflate(
        _ body: UnsafeRawBufferPointer, windowBits: Int32, manyMembers: Bool, _ limit: Int
    ) throws(RequestRefusal) -> [UInt8] {
        let damaged = RequestRefusal(.invalidEncoding, "The body is not what its Content-Encoding says.")
        guard let base = body.baseAddress, body.count > 0, body.count <= Int(UInt32.max) else { throw damaged }
        var stream = z_stream()
        guard inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw RequestRefusal(.tooLarge, "There is no memory to inflate the body now. Try again.")
        }
        defer { inflateEnd(&stream) }
        stream.next_in = UnsafeMutablePointer(mutating: base.assumingMemoryBound(to: UInt8.self))
        stream.avail_in = UInt32(body.count)
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let capacity = chunk.count
            let (status, produced) = chunk.withUnsafeMutableBufferPointer { buffer in
                stream.next_out = buffer.baseAddress
                stream.avail_out = UInt32(capacity)
                let status = CZlib.inflate(&stream, Z_NO_FLUSH)
                return (status, capacity - Int(stream.avail_out))
            }
            guard status == Z_OK || status == Z_STREAM_END else { throw damaged }
            output += chunk[..<produced]
            let consumed = body.count - Int(stream.avail_in)
            guard output.count <= limit else {
                throw RequestRefusal(.tooLarge, "The body is larger than \(limit) bytes when it is inflated.")
            }
            guard output.count <= freeBytes || output.count / maximumRatio <= consumed else {
                throw RequestRefusal(.tooLarge, "The body grows more than \(maximumRatio) times when it is inflated.")
            }
            if status == Z_STREAM_END {
                if stream.avail_in == 0 { return output }
                // RFC 1952 §2.2: a gzip file may have several members, which follow each other.
                guard manyMembers, inflateReset(&stream) == Z_OK else { throw damaged }
            } else if produced == 0, stream.avail_in == 0 {
                throw damaged
            }
        }
    }
}

extension StringProtocol {
    /// Without spaces and tabs at both ends (RFC 9110 §5.6.3, OWS).
    var trimmed: String {
        var text = Substring(self)
        while let first = text.utf8.first, first == 0x20 || first == 0x09 { text.removeFirst() }
        while let last = text.utf8.last, last == 0x20 || last == 0x09 { text.removeLast() }
        return String(text)
    }
}
