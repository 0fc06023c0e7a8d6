// SPDX-License-Identifier: Apache-2.0

/// Which recordings are looked for; nil members let all pass.
package struct RecordingFilter: Sendable, Equatable {
    /// Exactly, as the recordings have it.
    package var identity: String?
    package var session: String?
    package var connection: String?
    package var operation: String?
    package var decision: Recording.Decision?
    /// The name of one of its resources.
    package var resource: String?
    /// ms since the epoch, UTC; `to` is not in it.
    package var from: Int64?
    package var to: Int64?
    /// Words of the path, the query, headers and bodies: all of them, `"those in quotes"` in this order, `prefix*`.
    package var text: String?

    package init(
        identity: String? = nil, session: String? = nil, connection: String? = nil, operation: String? = nil,
        decision: Recording.Decision? = nil, resource: String? = nil, from: Int64? = nil, to: Int64? = nil,
        text: String? = nil
    ) {
        self.identity = identity
        self.session = session
        self.connection = connection
        self.operation = operation
        self.decision = decision
        self.resource = resource
        self.from = from
        self.to = to
        self.text = text
    }
}
