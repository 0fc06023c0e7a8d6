// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Foundation
import Incidents
import JSONText
import Paging
import Recordings

/// Which recordings.
struct RecordingSearchOptions: ParsableArguments {
    @Option(help: "With --recordings: whose.")
    var identity: String?
    @Option(help: "With --recordings: of this session, as the issuer named it.")
    var session: String?
    @Option(help: "With --recordings: through this connection.")
    var connection: String?
    @Option(help: "With --recordings: this operation, such as vectors.query.")
    var operation: String?
    @Option(help: "With --recordings: allowed, denied, approval or failed.")
    var decision: String?
    @Option(help: "With --recordings: a resource's name.")
    var resource: String?
    @Option(help: "With --recordings: words of path, headers and bodies; \"in quotes\" together, prefix*.")
    var text: String?
    @Option(help: "With --recordings: go on where the list before ended.")
    var cursor: String?

    var isEmpty: Bool {
        [identity, session, connection, operation, decision, resource, text, cursor].allSatisfy { $0 == nil }
    }

    func filter(since: Int64?, until: Int64?) throws -> RecordingFilter {
        let decision = try decision.map { word in
            guard let decision = Recording.Decision(rawValue: word) else {
                let known = Recording.Decision.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--decision \(word): write one of \(known).")
            }
            return decision
        }
        return RecordingFilter(
            identity: identity, session: session, connection: connection, operation: operation, decision: decision,
            resource: resource, from: since, to: until, text: text)
    }
}

extension IncidentsCommand.Common {
    /// The hub's recordings.
    func recordings() throws -> RecordingStore {
        let path = ConfigurationFile.recordingsDatabase(beside: try HubState.path(state, file()))
        guard FileManager.default.fileExists(atPath: path) else {
            throw Refused("\(path) does not exist: this hub has kept no recordings. Give its --state or --config.")
        }
        return try RecordingStore(path: path)
    }

    /// The one session of a name, or of a number of `evidence sessions`.
    func session(_ name: String, identity: String?, in store: RecordingStore) throws -> RecordedSession {
        let named = try store.sessions(identity: identity, session: name, limit: 20).items
        if named.count > 1 {
            let people = named.map { Terminal.clean($0.identity) }.joined(separator: ", ")
            throw ValidationError("several people had a session \(name): give --identity, one of \(people).")
        }
        if let session = named.first { return session }
        if let id = Int64(name), let session = try store.session(id: id),
            identity == nil || identity == session.identity
        {
            return session
        }
        throw Refused("there is no recorded session \(name). See 'gatewatch evidence sessions'.")
    }

    /// Notes in the evidence who looked at what was recorded; without that nobody looks.
    func note(_ action: String, _ session: RecordedSession, by actor: String) throws {
        _ = try write { db in
            try EvidenceChain.append(
                actor: actor, action: action, subject: session.session,
                payload: ["identity": session.identity, "session_id": String(session.id)], at: ControlOptions.now,
                in: db)
        }
    }
}
