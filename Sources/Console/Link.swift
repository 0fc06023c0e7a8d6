// SPDX-License-Identifier: Apache-2.0

import Web

/// Paths of the console's pages.
enum Link {
    static func incident(_ id: String) -> String { "/incidents/\(part(id))" }
    static func identity(_ identity: String) -> String { "/identities/\(part(identity))" }
    static func detector(_ rule: String) -> String { "/detectors/\(part(rule))" }
    static func recording(_ uid: String) -> String { "/recordings/\(part(uid))" }
    static func alert(_ id: String) -> String { "/alerts/\(part(id))" }

    /// One part of a path: slashes are escaped too.
    private static func part(_ text: String) -> String { LocalPath.escaped(text).replacing("/", with: "%2F") }

    /// A path with those fields of a query that have a value.
    static func url(_ path: String, _ query: [(String, String?)]) -> String {
        let fields = query.compactMap { name, value in value.map { "\(name)=\(LocalPath.escaped($0))" } }
        return fields.isEmpty ? path : path + "?" + fields.joined(separator: "&")
    }
}
