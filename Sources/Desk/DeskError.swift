// SPDX-License-Identifier: Apache-2.0

import Incidents
import Paging
import Routing

/// Why somebody does not get what they asked for: each a sentence for them.
package enum DeskError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The person lacks the permission.
    case forbidden(Permission)
    /// There is no such thing.
    case unknown(String)
    /// Somebody was faster.
    case conflict(String)
    /// It cannot be done as things are.
    case refused(String)
    /// What was given is not right: the field, and what is wrong with it.
    case invalid(field: String, String)
    /// Kafka does not answer, or the hub is still reading.
    case unavailable(String)

    package var description: String {
        switch self {
        case .forbidden(let permission):
            "you may not \(permission.words): that takes the role \(permission.role.rawValue)"
        case .unknown(let sentence), .conflict(let sentence), .refused(let sentence), .unavailable(let sentence):
            sentence
        case .invalid(_, let sentence): sentence
        }
    }

    /// One word for a problem's type and for logs.
    package var code: String {
        switch self {
        case .forbidden: "forbidden"
        case .unknown: "unknown"
        case .conflict: "conflict"
        case .refused: "refused"
        case .invalid: "invalid"
        case .unavailable: "unavailable"
        }
    }

    /// What other rooms say, in the desk's words; nil for what is nobody's fault at the desk.
    init?(_ error: any Error) {
        switch error {
        case let error as DeskError: self = error
        case let error as IncidentError:
            switch error {
            case .unknown: self = .unknown(error.description)
            case .ambiguous, .shortPrefix: self = .invalid(field: "id", error.description)
            case .changed: self = .conflict(error.description)
            case .alreadyClosed, .notClosed, .isClosed: self = .refused(error.description)
            case .invalid(let what, _): self = .invalid(field: what, error.description)
            }
        case let error as BadCursor: self = .invalid(field: "cursor", error.description)
        case let error as SilenceError:
            self = error.isUnknown ? .unknown(error.description) : .invalid(field: "silence", error.description)
        case let error as MatcherError: self = .invalid(field: "matchers", error.description)
        default: return nil
        }
    }
}
