// SPDX-License-Identifier: Apache-2.0

/// Why the spool does not take an event, or does not open.
package enum SpoolError: Error, Sendable, Equatable, CustomStringConvertible {
    /// No byte is left of what the spool may use. Passes by itself when Kafka takes events again.
    case full(folder: String, totalBytes: Int)
    /// The disk did not take the event (no space, an I/O error). Tried again with every event and once a second.
    case storage(file: String, reason: String)
    /// One event is larger than any may be, in bytes.
    case tooLarge(bytes: Int, maximum: Int)
    /// The spool has been closed.
    case closed
    /// Another process, or another spool of this one, has the folder.
    case inUse(folder: String)
    /// The folder or a file in it cannot be used.
    case unusable(path: String, reason: String)
    /// The limits do not fit together.
    case limits(String)

    /// Whether the same event can be taken later: the caller answers "try again" (503) instead of failing.
    package var isRetriable: Bool {
        switch self {
        case .full, .storage: true
        default: false
        }
    }

    /// What, where, and what to do.
    package var description: String {
        switch self {
        case .full(let folder, let totalBytes):
            "The spool in \(folder) is full (\(totalBytes) bytes): it takes nothing until Kafka takes records again. Bring "
                + "Kafka back, or raise the spool's limit."
        case .storage(let file, let reason):
            "The spool could not write to \(file): \(reason). It takes nothing until the disk does: make room on it, or "
                + "replace it."
        case .tooLarge(let bytes, let maximum):
            "A record of \(bytes) bytes is over the spool's limit of \(maximum): shorten what it carries, or raise the "
                + "limit."
        case .closed: "The spool is closed: nothing more is taken."
        case .inUse(let folder):
            "The spool's folder \(folder) is used by another process: stop that one, or give each gateway its own "
                + "folder."
        case .unusable(let path, let reason):
            "The spool cannot use \(path): \(reason). Correct its path or permissions, or move it away."
        case .limits(let sentence): "The spool's limits do not fit together: \(sentence)."
        }
    }
}
