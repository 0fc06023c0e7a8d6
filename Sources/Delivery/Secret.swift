// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A value that no log, error or debugger line shows.
package struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The value itself; call it where it is used, keep it nowhere else.
    package let revealed: String

    /// A secret that is already in memory.
    package init(_ value: String) {
        revealed = value
    }

    /// Whether a configuration's text names a secret, by `env:` or `file:`, and is not one itself.
    package static func isReference(_ text: String) -> Bool { text.hasPrefix("env:") || text.hasPrefix("file:") }

    /// A secret as a configuration names it: `env:NAME`, `file:PATH`, or the value itself.
    ///
    /// - Throws: ``SecretError``, which names the variable or file, never the value.
    package init(reference: String, environment: [String: String] = ProcessInfo.processInfo.environment) throws {
        if reference.hasPrefix("env:") {
            let name = String(reference.dropFirst(4))
            guard let value = environment[name], !value.isEmpty else { throw SecretError.noVariable(name) }
            self.init(value)
        } else if reference.hasPrefix("file:") {
            let path = String(reference.dropFirst(5))
            guard let file = FileHandle(forReadingAtPath: path) else { throw SecretError.noFile(path) }
            defer { try? file.close() }
            guard let data = try? file.read(upToCount: Self.maximumFileBytes + 1) else {
                throw SecretError.noFile(path)
            }
            guard data.count <= Self.maximumFileBytes, let text = String(data: data, encoding: .utf8) else {
                throw SecretError.notText(path)
            }
            // Editors and `echo` end a file with a line feed that is not part of the secret.
            let value = text.trimmingCharacters(in: .whitespacesAndNewlines)
            guard !value.isEmpty else { throw SecretError.emptyFile(path) }
            self.init(value)
        } else {
            self.init(reference)
        }
    }

    /// Bytes that a secret's file may have.
    private static let maximumFileBytes = 64 * 1024

    package var description: String { "<redacted>" }
    package var debugDescription: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// A secret could not be read.
package enum SecretError: Error, Sendable, Equatable, CustomStringConvertible {
    case noVariable(String)
    case noFile(String)
    case emptyFile(String)
    case notText(String)

    package var description: String {
        switch self {
        case .noVariable(let name):
            "the environment variable \(name), which should hold a secret, is not set: set it, or name another"
        case .noFile(let path): "the secret's file \(path) cannot be read: check that it exists and its permissions"
        case .emptyFile(let path): "the secret's file \(path) is empty"
        case .notText(let path): "the secret's file \(path) is not text, or is over 64 KiB: is it the right file?"
        }
    }
}
