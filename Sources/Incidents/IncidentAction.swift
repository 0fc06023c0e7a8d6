// SPDX-License-Identifier: Apache-2.0

/// What a person does to an incident.
package enum IncidentAction: Sendable, Equatable {
    /// Nil: it is nobody's.
    case assign(String?)
    case comment(String)
    case dispose(Disposition, reason: String)
    case close(reason: String?)
    case reopen(reason: String?)

    /// The longest comment, Unicode scalars.
    package static let maximumComment = 10_000
    /// The longest reason, Unicode scalars.
    package static let maximumReason = 2_000
    /// The longest name of a person, bytes.
    package static let maximumName = 200

    /// Its name in the evidence chain.
    package var name: String {
        switch self {
        case .assign: "incident.assign"
        case .comment: "incident.comment"
        case .dispose: "incident.disposition"
        case .close: "incident.close"
        case .reopen: "incident.reopen"
        }
    }

    /// Checks what people wrote.
    func validate(actor: String) throws(IncidentError) {
        try Self.check(actor, "name of who acts", Self.maximumName)
        switch self {
        case .assign(let name): if let name { try Self.check(name, "name of the assignee", Self.maximumName) }
        case .comment(let text): try Self.check(text, "comment", Self.maximumComment, allowsLines: true)
        case .dispose(_, let reason): try Self.check(reason, "reason", Self.maximumReason, allowsLines: true)
        case .close(let reason), .reopen(let reason):
            if let reason { try Self.check(reason, "reason", Self.maximumReason, allowsLines: true) }
        }
    }

    private static func check(
        _ text: String, _ what: String, _ limit: Int, allowsLines: Bool = false
    ) throws(IncidentError) {
        guard !text.allSatisfy(\.isWhitespace) else { throw .invalid(what, "is empty") }
        guard text.unicodeScalars.count <= limit else {
            throw .invalid(what, "has \(text.unicodeScalars.count) characters; the limit is \(limit)")
        }
        // An escape sequence would forge lines on somebody's terminal.
        let isClean = text.unicodeScalars.allSatisfy { scalar in
            scalar.properties.generalCategory != .control || allowsLines && (scalar == "\n" || scalar == "\t")
        }
        guard isClean else { throw .invalid(what, "has control characters: leave them out") }
    }
}
