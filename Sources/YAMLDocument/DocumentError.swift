// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What is wrong in a file that a person wrote, where, and what to write instead.
///
/// Reads as `detectors/weights.yml:12:5: correlation.timespan: '10 m' is not a timespan. Write 30s, 10m, 1h or 7d.`
package struct DocumentError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file as the user named it.
    package let file: String
    /// 1-based; 0 when the whole file is meant.
    package let line: Int
    /// 1-based; 0 when the whole line is meant.
    package let column: Int
    /// The dotted path of keys, empty at the top.
    package let key: String
    /// What is wrong and what to do about it.
    package let message: String

    package init(file: String, line: Int = 0, column: Int = 0, key: String = "", message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.key = key
        self.message = message
    }

    package var description: String {
        var place = file
        if line > 0 { place += ":\(line)" }
        if line > 0 && column > 0 { place += ":\(column)" }
        return key.isEmpty ? "\(place): \(message)" : "\(place): \(key): \(message)"
    }
}

extension DocumentError {
    /// A file that cannot be read, with the system's reason and what to check.
    ///
    /// - Parameter error: of Foundation.
    package init(unreadable file: String, _ error: any Error) {
        self.init(file: file, message: "cannot be read: \(Self.reason(error))")
    }

    /// The same for a file that cannot be written.
    package init(unwritable file: String, _ error: any Error) {
        self.init(file: file, message: "cannot be written: \(Self.reason(error))")
    }

    /// Foundation's own words have domains and keys in them; the operating system's are those that operators know.
    private static func reason(_ error: any Error) -> String {
        let error = error as NSError
        let cause = (error.userInfo[NSUnderlyingErrorKey] as? any Error).map { $0 as NSError } ?? error
        guard cause.domain == NSPOSIXErrorDomain else { return error.localizedDescription }
        let code = Int32(truncatingIfNeeded: cause.code)
        let remedy =
            switch code {
            case ENOENT, ENOTDIR: " Check the path; folders must exist."
            case EISDIR: " Give a file."
            case EACCES, EPERM, EROFS: " Check its permissions."
            case ENOSPC, EDQUOT: " Free some space."
            default: ""
            }
        return "\(String(cString: strerror(code))).\(remedy)"
    }
}

/// Several faults of one load, a line each: a person mends them all before trying again.
package struct DocumentErrors: Error, Sendable, CustomStringConvertible {
    package let errors: [DocumentError]

    package init(_ errors: [DocumentError]) {
        self.errors = errors
    }

    package var description: String {
        errors.map(\.description).joined(separator: "\n")
    }
}
