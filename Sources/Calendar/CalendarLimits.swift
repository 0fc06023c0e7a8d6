// SPDX-License-Identifier: Apache-2.0

/// Limits on what a calendar file may ask for. The file comes from outside, and its cost is paid when it is loaded.
package enum CalendarLimits {
    /// The largest file, in bytes.
    package static let fileBytes = 1 << 20
    /// The most VEVENT components in a file.
    package static let events = 10_000
    /// The most occurrences that one file may generate, those before the horizon included.
    package static let occurrences = 200_000
    /// The longest single occurrence, in seconds (ten years).
    static let occurrenceSeconds: Int64 = 3_660 * 86_400
    /// How deep components may nest.
    static let depth = 8
    /// 2000-01-01T00:00:00Z, in seconds since the epoch: occurrences that end before it are dropped.
    package static let horizonStart: Int64 = 946_684_800
    /// 2060-01-01T00:00:00Z, in seconds since the epoch: occurrences that start at or after it are dropped.
    package static let horizonEnd: Int64 = 2_840_140_800
}
