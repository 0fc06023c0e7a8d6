// SPDX-License-Identifier: Apache-2.0

package import AuditEvent
package import Calendar
package import Detection
package import Sigma

/// What a detector run is made of, to make a plan for each thread from.
package struct DetectorSetup: Sendable {
    package var rules: RuleSet
    package var mapping: Mapping
    package var directory: IdentityDirectory?
    /// Per rule key.
    package var calendars: [String: ICalendar]
    package var limits: EventDecoder.Limits

    package init(
        _ files: DetectorFiles, mapping: Mapping, directory: IdentityDirectory? = nil,
        limits: EventDecoder.Limits = .init()
    ) {
        rules = files.rules
        self.mapping = mapping
        self.directory = directory
        calendars = files.calendars
        self.limits = limits
    }

    /// A plan of all rules, or of some of them.
    ///
    /// - Parameter fields: what it reads besides what the rules ask; see `DetectorPlan.watched`.
    /// - Throws: `DocumentError` when a rule lacks its calendar.
    package func plan(_ rules: RuleSet? = nil, watching fields: [String] = []) throws -> DetectorPlan {
        try DetectorPlan(
            rules: rules ?? self.rules, mapping: mapping, directory: directory, calendars: calendars, limits: limits,
            watching: fields)
    }
}
