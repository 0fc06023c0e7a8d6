// SPDX-License-Identifier: Apache-2.0
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Where log lines go: a file descriptor, one line at a time, never interleaved.
package final class LogOutput: Sendable {
    /// The process' standard error.
    package static let standardError = LogOutput(fileDescriptor: STDERR_FILENO)

    private let fileDescriptor: Int32
    private let lock = Mutex<Void>(())

    /// Writes to a descriptor that the caller keeps open.
    package init(fileDescriptor: Int32) {
        self.fileDescriptor = fileDescriptor
    }

    /// Writes the line and a line feed. A line that cannot be written is dropped: there is nowhere left to say so.
    func write(line: String) {
        var bytes = Array(line.utf8)
        bytes.append(UInt8(ascii: "\n"))
        lock.withLock { _ in
            bytes.withUnsafeBytes { buffer in
                var rest = UnsafeRawBufferPointer(buffer)
                while let base = rest.baseAddress, !rest.isEmpty {
                    #if canImport(Glibc)
                    let written = Glibc.write(fileDescriptor, base, rest.count)
                    #else
                    let written = Darwin.write(fileDescriptor, base, rest.count)
                    #endif
                    if written < 0 {
                        if errno == EINTR { continue }
                        return
                    }
                    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
                }
            }
        }
    }
}
