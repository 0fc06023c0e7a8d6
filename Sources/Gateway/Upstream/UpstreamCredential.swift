// SPDX-License-Identifier: Apache-2.0

import Delivery
import Foundation
import Synchronization

/// What the gateway shows to an upstream in place of the caller's token. A file is read again when it changed.
package final class UpstreamCredential: Sendable {
    private struct Cached {
        var value: String
        var modified: Version?
        var checked: ContinuousClock.Instant
        /// Why the file could not be read again.
        var problem: String?
    }

    /// Tells one content of a file from another without reading it: also a file that is replaced within a second, or by a link that leads
    /// elsewhere, as Kubernetes does it.
    private struct Version: Equatable {
        let modified: Date?
        let file: UInt64?
        let size: Int64?
    }

    /// Lower case.
    let header: String
    private let format: String
    private let reference: String
    private let cached: Mutex<Cached>
    /// A file's date is looked at so often.
    private static let interval = Duration.seconds(1)

    /// - Parameters:
    ///   - header: the field, `authorization` or `api-key`.
    ///   - format: the field's value, with `{}` where the secret stands.
    ///   - reference: `env:NAME` or `file:PATH`.
    /// - Throws: `SecretError` when the secret cannot be read now.
    package init(header: String, format: String, reference: String) throws {
        self.header = header.lowercased()
        self.format = format
        self.reference = reference
        let value = try Self.value(format, reference)
        cached = Mutex(Cached(value: value, modified: Self.modified(reference), checked: .now))
    }

    /// The header and its value. A file that vanished leaves the value it had for as long as the process lives: a secret that is being
    /// replaced is away for a moment.
    ///
    /// - Parameter onProblem: told once why the file cannot be read again; never the secret.
    func current(onProblem: (String) -> Void) -> (header: String, value: String) {
        let value = cached.withLock { cached in
            let now = ContinuousClock.now
            if now - cached.checked >= Self.interval {
                cached.checked = now
                let modified = Self.modified(reference)
                if modified != cached.modified {
                    do {
                        cached.value = try Self.value(format, reference)
                        cached.modified = modified
                        cached.problem = nil
                    } catch {
                        let problem = "\(error)"
                        if problem != cached.problem { onProblem(problem) }
                        cached.problem = problem
                    }
                }
            }
            return cached.value
        }
        return (header, value)
    }

    private static func value(_ format: String, _ reference: String) throws -> String {
        format.replacingOccurrences(of: "{}", with: try Secret(reference: reference).revealed)
    }

    private static func modified(_ reference: String) -> Version? {
        guard reference.hasPrefix("file:") else { return nil }
        let path = URL(fileURLWithPath: String(reference.dropFirst(5))).resolvingSymlinksInPath().path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else { return nil }
        return Version(
            modified: attributes[.modificationDate] as? Date,
            file: (attributes[.systemFileNumber] as? NSNumber)?.uint64Value,
            size: (attributes[.size] as? NSNumber)?.int64Value)
    }
}
