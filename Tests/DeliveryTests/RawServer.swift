// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A TCP server that misbehaves. Each connection: read what comes first, write some bytes, then hang or close.
final class RawServer: Sendable {
    private let listener: Int32
    private let held = Mutex<[Int32]>([])
    private let accepted = Atomic<Int>(0)
    let port: Int

    var url: String { "http://127.0.0.1:\(port)/hook" }
    var connections: Int { accepted.load(ordering: .acquiring) }

    struct Failure: Error {}

    init(reply: String, hang: Bool) throws {
        #if canImport(Glibc)
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        listener = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        // Children of other tests must not keep our sockets open.
        _ = fcntl(listener, F_SETFD, FD_CLOEXEC)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isListening else { throw Failure() }
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread { [self] in serve(reply: reply, hang: hang) }.start()
    }

    /// Ends the server and what it holds.
    func stop() {
        shutdown(listener, Int32(2))
        held.withLock { sockets in
            for socket in sockets {
                shutdown(socket, Int32(2))
                close(socket)
            }
            sockets = []
        }
    }

    private func serve(reply: String, hang: Bool) {
        while true {
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else {
                close(listener)
                return
            }
            _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
            var buffer = [UInt8](repeating: 0, count: 65_536)
            _ = read(connection, &buffer, buffer.count)
            accepted.add(1, ordering: .releasing)
            let bytes = Array(reply.utf8)
            _ = write(connection, bytes, bytes.count)
            if hang {
                held.withLock { $0.append(connection) }
            } else {
                // Ends the connection even if a child was forked meanwhile and has it too.
                shutdown(connection, Int32(2))
                close(connection)
            }
        }
    }
}
