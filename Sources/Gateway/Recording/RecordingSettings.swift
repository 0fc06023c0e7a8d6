// SPDX-License-Identifier: Apache-2.0

package import AuditSpool
package import Connections

/// How exchanges are recorded.
package struct RecordingSettings: Sendable {
    package var topic = "gatewatch.recordings"
    /// For connections that do not say.
    package var mode = ConnectionSettings.Recorded.bodies
    /// A request for which there is no room is refused. Otherwise it is served and not recorded: its audit event is there in any case.
    package var isRequired = false
    /// Bytes of a body that are recorded; see ``bodyRange``.
    package var bodyBytes = 64 << 10
    /// Bytes of bodies that running exchanges hold for their recordings, all together.
    package var heldBytes = 64 << 20
    /// Recordings are a hundred times as large as audit events: fewer are on their way at once. `maximumEventBytes` is not looked at.
    package var spool = SpoolLimits(inFlightEvents: 2000)

    package init() {}

    /// What `bodyBytes` may be: two bodies have to fit into a record that a Kafka with its usual limits takes.
    package static let bodyRange = 1024...256 << 10

    /// Two bodies, half as long again by JSON's escapes, and what is around them.
    var maximumEventBytes: Int { 3 * bodyBytes + (64 << 10) }
}
