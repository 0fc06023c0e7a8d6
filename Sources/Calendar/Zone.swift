// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A time zone of the IANA database, and how its wall clock maps to instants.
///
/// Occurrences are computed on the wall clock and each is converted here, with Foundation's data for all years; a VTIMEZONE in
/// the file is not used, because exported ones often hold the rules of a single year. On Linux Foundation takes the zones from
/// the ICU data that ships with the Swift runtime: the system's tzdata is not read, and a zone whose government changes its
/// clock is right again after a newer runtime is installed.
package struct Zone: Hashable, Sendable {
    package static let utc = Zone(known: TimeZone(secondsFromGMT: 0) ?? .gmt)

    private let zone: TimeZone

    private init(known zone: TimeZone) { self.zone = zone }

    /// Nil unless the name is one of the IANA database: neither `GMT+5` nor `W. Europe Standard Time` is.
    package init?(_ identifier: String) {
        if identifier == "UTC" || identifier == "Etc/UTC" {
            self = .utc
            return
        }
        // Foundation accepts offsets such as GMT+5 and gives them another name; a name that it keeps is a real one.
        guard let zone = TimeZone(identifier: identifier), zone.identifier == identifier, !identifier.hasPrefix("GMT")
        else {
            return nil
        }
        self.zone = zone
    }

    /// The instant, in seconds since the epoch, at which the wall clock shows this time (RFC 5545 §3.3.5).
    ///
    /// A time that the clock skips is read with the offset before the gap (02:30 becomes 03:30); a time that it shows twice
    /// means the first. Exact for zones whose changes lie more than two days apart.
    package func instant(_ wall: WallTime) -> Int64 {
        let before = offset(at: wall.seconds - 86_400)
        if offset(at: wall.seconds - before) == before { return wall.seconds - before }
        let after = offset(at: wall.seconds + 86_400)
        if offset(at: wall.seconds - after) == after { return wall.seconds - after }
        return wall.seconds - before
    }

    /// What its wall clock is ahead of UTC at an instant, both in seconds.
    package func offset(at seconds: Int64) -> Int64 {
        Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(seconds))))
    }
}
