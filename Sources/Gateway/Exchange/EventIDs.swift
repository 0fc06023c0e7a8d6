// SPDX-License-Identifier: Apache-2.0

import Crypto
import Synchronization

/// Ids of events: UUIDs of version 7 (RFC 9562 §5.7), the time in ms and 74 random bits, so that ids sort by time.
///
/// Foundation's `UUID()` opens the system's random device each time: three system calls for every request.
final class EventIDs: Sendable {
    private struct Pool {
        var bytes: [UInt8] = []
        var next = 0
    }

    /// Random bytes fetched at once.
    private static let poolBytes = 4000
    private let pool = Mutex(Pool())

    /// - Parameter now: ms since the epoch, UTC.
    func next(now: Int64) -> String {
        let random = pool.withLock { pool in
            if pool.next + 10 > pool.bytes.count {
                pool.bytes = SymmetricKey(size: SymmetricKeySize(bitCount: Self.poolBytes * 8)).withUnsafeBytes {
                    Array($0)
                }
                pool.next = 0
            }
            defer { pool.next += 10 }
            var high: UInt64 = 0
            var low: UInt64 = 0
            for offset in 0..<2 { high = high << 8 | UInt64(pool.bytes[pool.next + offset]) }
            for offset in 2..<10 { low = low << 8 | UInt64(pool.bytes[pool.next + offset]) }
            return (high: high, low: low)
        }
        let high = UInt64(bitPattern: now) << 16 | 0x7000 | random.high & 0x0FFF
        let low = random.low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        return String(unsafeUninitializedCapacity: 36) { text in
            var at = 0
            for word in [high, low] {
                for shift in stride(from: 60, through: 0, by: -4) {
                    if at == 8 || at == 13 || at == 18 || at == 23 {
                        text[at] = UInt8(ascii: "-")
                        at += 1
                    }
                    let digit = UInt8(truncatingIfNeeded: word >> UInt64(shift)) & 15
                    text[at] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
                    at += 1
                }
            }
            return at
        }
    }
}
