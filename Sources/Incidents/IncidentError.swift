// SPDX-License-Identifier: Apache-2.0

/// Why somebody cannot do something to an incident.
package enum IncidentError: Error, Sendable, Equatable, CustomStringConvertible {
    case unknown(String)
    /// Several ids begin so; at most ten of them are named.
    case ambiguous(String, [String])
    case shortPrefix(String)
    /// Somebody was faster: the version that was looked at is not the present one.
    case changed(id: String, version: Int64)
    case alreadyClosed(String)
    case notClosed(String)
    /// It is closed: reopen it first.
    case isClosed(String)
    /// What was given, and what is wrong with it.
    case invalid(String, String)

    package var description: String {
        switch self {
        case .unknown(let id): "there is no incident \(id.prefix(80)): see gatewatch incidents list --status all"
        case .ambiguous(let prefix, let ids):
            "\(prefix) begins the ids of several incidents (\(ids.joined(separator: ", "))): give more of it"
        case .shortPrefix(let prefix):
            "'\(prefix)' is too short: give \(IncidentStore.shortestPrefix) or more characters of the id"
        case .changed(let id, let version):
            "somebody changed the incident \(id) meanwhile, it is at version \(version): look at it again"
        case .alreadyClosed(let id): "the incident \(id) is closed already"
        case .notClosed(let id): "the incident \(id) is open"
        case .isClosed(let id): "the incident \(id) is closed: reopen it first"
        case .invalid(let what, let why): "the \(what) \(why)"
        }
    }
}
