// SPDX-License-Identifier: Apache-2.0

import Foundation

/// One open segment file. Written at given places by one writer at a time, read at the same time by others.
final class SegmentFile: Sendable {
    /// "GWSPOOL" and the format's version, then the first sequence number.
    static let headerBytes = 16
    private static let mark = Array("GWSPOOL".utf8)
    private static let version: UInt8 = 1

    let path: String
    private let descriptor: Int32

    /// Opens what is there, for reading and for cutting a torn end off.
    init(opening path: String) throws(SpoolError) {
        descriptor = open(path, O_RDWR | O_CLOEXEC)
        self.path = path
        guard descriptor >= 0 else { throw .unusable(path: path, reason: Self.lastError) }
    }

    /// Makes a new file with room for `bytes`, so that a disk that fills up is met here and not in the middle of it.
    init(creating path: String, first: UInt64, bytes: Int) throws(SpoolError) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, 0o600)
        guard descriptor >= 0 else { throw .storage(file: path, reason: Self.lastError) }
        do throws(SpoolError) {
            try reserve(bytes)
            var header = Self.mark + [Self.version]
            withUnsafeBytes(of: first.littleEndian) { header.append(contentsOf: $0) }
            try write(header, at: 0)
        } catch {
            unlink(path)
            throw error
        }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Bytes of the file.
    func length() throws(SpoolError) -> Int {
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { throw .unusable(path: path, reason: Self.lastError) }
        return Int(information.st_size)
    }

    /// Asks the disk for room up to `bytes`; the file's length stays. File systems that cannot promise are believed.
    func reserve(_ bytes: Int) throws(SpoolError) {
        guard let fallocate = Self.fallocate else { return }
        while fallocate(descriptor, Self.keepSize, 0, off_t(bytes)) != 0 {
            if errno == EINTR { continue }
            if errno == EOPNOTSUPP || errno == ENOSYS { return }
            throw .storage(file: path, reason: Self.lastError)
        }
    }

    /// Linux's fallocate(2), by name because its header declares it to GNU C only. posix_fallocate is no substitute: it
    /// makes the file as long as the promise, and a start would have to read over the zeros.
    private static let fallocate: (@convention(c) (Int32, Int32, off_t, off_t) -> Int32)? =
        dlsym(nil, "fallocate").map {
            unsafeBitCast($0, to: (@convention(c) (Int32, Int32, off_t, off_t) -> Int32).self)
        }
    /// FALLOC_FL_KEEP_SIZE of linux/falloc.h.
    private static let keepSize: Int32 = 1

    func write(_ bytes: [UInt8], at offset: Int) throws(SpoolError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                pwrite(descriptor, raw.baseAddress.map { $0 + done }, raw.count - done, off_t(offset + done))
            }
            if count > 0 {
                done += count
            } else if count == 0 || errno != EINTR {
                throw .storage(file: path, reason: count == 0 ? "nothing was written" : Self.lastError)
            }
        }
    }

    /// Up to `count` bytes from `offset`; fewer at the end of the file.
    func read(at offset: Int, count: Int) throws(SpoolError) -> [UInt8] {
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
            while used < count {
                let got = pread(
                    descriptor, buffer.baseAddress.map { $0 + used }, count - used, off_t(offset + used))
                if got == 0 { break }
                if got > 0 {
                    used += got
                } else if errno != EINTR {
                    failed = true
                    break
                }
            }
        }
        if failed { throw .unusable(path: path, reason: Self.lastError) }
        return bytes
    }

    /// Cuts off what stands after `length`, promised room included.
    func cut(to length: Int) throws(SpoolError) {
        guard ftruncate(descriptor, off_t(length)) == 0 else {
            throw .unusable(path: path, reason: Self.lastError)
        }
    }

    /// Forces what was written to the disk.
    func synchronise() throws(SpoolError) {
        guard fdatasync(descriptor) == 0 else { throw .storage(file: path, reason: Self.lastError) }
    }

    /// Whether the file begins as a segment should. Its records are read also where it does not, because a flipped bit
    /// in the header is no reason to lose them; but not when a later version wrote it.
    func hasGoodHeader(first: UInt64) throws(SpoolError) -> Bool {
        let header = try read(at: 0, count: Self.headerBytes)
        guard header.count == Self.headerBytes, header.starts(with: Self.mark) else { return false }
        let named = header.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        guard named == first else { return false }
        guard header[Self.mark.count] == Self.version else {
            throw .unusable(
                path: path,
                reason: "it is of format \(header[Self.mark.count]), and this program reads \(Self.version)")
        }
        return true
    }

    /// The calling thread's last error, in the system's words.
    static var lastError: String { String(cString: strerror(errno)) }
}
