// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Files that hold one secret key, for their owner alone.
package enum KeyFile {
    private static let maximumBytes = 16 * 1024

    /// The text of the file. Refused when anybody but the owner and the group may open it, or the group may change it.
    package static func read(_ path: String) throws(KeyError) -> String {
        guard let file = FileHandle(forReadingAtPath: path) else { throw .noFile(path) }
        defer { try? file.close() }
        // Asked of the open file, so that what was judged is what is read.
        var status = stat()
        guard fstat(file.fileDescriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw .noFile(path) }
        // A group may read: secrets mounted into a container are often root:GROUP 0440.
        guard status.st_mode & 0o027 == 0 else { throw .openToOthers(path, mode: UInt32(status.st_mode & 0o777)) }
        guard let data = try? file.read(upToCount: maximumBytes + 1), data.count <= maximumBytes,
            let text = String(data: data, encoding: .utf8)
        else { throw .notAKey(path) }
        return text
    }

    /// Writes a new file with mode 0600; an existing one is not overwritten.
    package static func write(_ text: String, to path: String) throws(KeyError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .notWritten(path, reason: String(cString: strerror(errno))) }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            try file.write(contentsOf: Data(text.utf8))
            try file.synchronize()
            try file.close()
        } catch {
            throw .notWritten(path, reason: "\(error)")
        }
    }
}

/// A key cannot be used. The key itself is never part of the message.
package enum KeyError: Error, Sendable, Equatable, CustomStringConvertible {
    case badName(String)
    case noReference(String)
    case noVariable(String)
    case noFile(String)
    case openToOthers(String, mode: UInt32)
    case notAKey(String)
    case notWritten(String, reason: String)

    package var description: String {
        switch self {
        case .badName(let name):
            "'\(name.prefix(80))' cannot be a key's name: use 1 to 64 letters, digits, '.', '_' or '-'"
        case .noReference(let name):
            "the key '\(name)' must be given as file:PATH or env:NAME, not as its value"
        case .noVariable(let name):
            "the environment variable \(name), which should hold a signing key, is not set: set it, or name another"
        case .noFile(let path): "the key file \(path) cannot be read: check that it exists and its permissions"
        case .openToOthers(let path, let mode):
            "the key file \(path) has mode \(String(mode, radix: 8)): others could read or change it. Run chmod 600"
                + " on it, and make a new key if somebody may have read it"
        case .notAKey(let source):
            "\(source) holds no Ed25519 private key: write ed25519: and the base64 of the 32-byte seed, or PEM as"
                + " `openssl genpkey -algorithm ed25519` gives it"
        case .notWritten(let path, let reason):
            "the key file \(path) cannot be made: \(reason). An existing file is not overwritten"
        }
    }
}
