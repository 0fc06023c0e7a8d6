// SPDX-License-Identifier: Apache-2.0

import CZlib

#if canImport(Glibc)
import Glibc
#endif

/// Reads a file, gzipped or not, or standard input, line by line without a `String`.
package final class LineReader {
    /// The file could not be read.
    package struct ReadError: Error, CustomStringConvertible {
        package let description: String

        package init(_ description: String) {
            self.description = description
        }
    }

    /// Of a longer line only so many bytes are given, enough to be refused as an event; the rest is passed over.
    private static let maximumLine = 64 << 20

    private let file: gzFile
    private let name: String
    private var buffer: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    private var isAtEnd = false
    private var skipsRest = false

    /// - Parameter path: a file, or `-` for standard input.
    package init(path: String) throws {
        guard let file = path == "-" ? gzdopen(dup(0), "rb") : gzopen(path, "rb") else {
            throw ReadError("\(path): cannot be read: \(String(cString: strerror(errno))).")
        }
        self.file = file
        name = path
        gzbuffer(file, 1 << 18)
        buffer = .allocate(byteCount: 1 << 20, alignment: 64)
        var info = stat()
        if path != "-", stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR {
            throw ReadError("\(path): is a folder; give a file.")
        }
    }

    /// How many bytes of the file were read, as they are on disk.
    var position: Int64 { Int64(max(0, gzoffset(file))) }

    deinit {
        gzclose(file)
        buffer.deallocate()
    }

    /// Calls `body` with the next line, without its line end. False at the end of the file.
    package func next(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
        var searched = start
        while true {
            if let newline = find(from: searched) {
                var line = UnsafeRawBufferPointer(rebasing: buffer[start..<newline])
                if line.last == UInt8(ascii: "\r") { line = UnsafeRawBufferPointer(rebasing: line.dropLast()) }
                start = newline + 1
                searched = start
                if skipsRest {
                    skipsRest = false
                    continue
                }
                try body(line)
                return true
            }
            searched = end
            if skipsRest {
                start = end
                if isAtEnd { return false }
            } else if isAtEnd || end - start >= Self.maximumLine {
                guard end > start else { return false }
                let rest = UnsafeRawBufferPointer(rebasing: buffer[start..<end])
                start = end
                skipsRest = !isAtEnd
                try body(rest)
                return true
            }
            searched -= start
            try fill()
            searched += start
        }
    }

    private func find(from: Int) -> Int? {
        guard from < end, let base = buffer.baseAddress, let found = memchr(base + from, 0x0A, end - from) else {
            return nil
        }
        return UnsafeRawPointer(found) - UnsafeRawPointer(base)
    }

    private func fill() throws {
        if start > 0, let base = buffer.baseAddress {
            base.copyMemory(from: base + start, byteCount: end - start)
            end -= start
            start = 0
        }
        if end == buffer.count {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: buffer.count * 2, alignment: 64)
            larger.copyMemory(from: UnsafeRawBufferPointer(buffer))
            buffer.deallocate()
            buffer = larger
        }
        guard let base = buffer.baseAddress else { return }
        let got = gzread(file, base + end, UInt32(min(buffer.count - end, 1 << 30)))
        var code: Int32 = 0
        if got <= 0, let reason = gzerror(file, &code), code != Z_OK {
            let text = code == Z_BUF_ERROR ? "the gzip data ends in the middle" : String(cString: reason)
            throw ReadError("\(name): cannot be read to its end: \(text).")
        }
        if got <= 0 { isAtEnd = true }
        end += max(0, Int(got))
    }
}
