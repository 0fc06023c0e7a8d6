// SPDX-License-Identifier: Apache-2.0

/// How much routing keeps. Nothing past a limit is lost silently: it is counted, or told in one group with others.
package struct RoutingLimits: Sendable {
    /// Alerts of a group that are kept whole; further ones are only counted, and are over when the group is.
    package var members = 1_000
    /// Groups in all. Past them an alert goes into one group per route, without group labels.
    package var groups = 100_000
    /// Alerts kept in all; further ones are only counted, but for the first of a group.
    package var alerts = 250_000
    /// Bytes of the findings and labels of one notification, so that it fits into the outbox; alerts past them are only counted in it.
    package var notificationBytes = 1_500_000

    /// How long it is remembered which alerts were held back, ms: a quarter, for weekly reports; and of how many.
    package var suppressedFor: Int64 = 13 * 7 * 86_400_000
    package var suppressed = 100_000

    package init() {}
}
