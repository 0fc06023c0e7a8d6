// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Delivery is where wall-clock time matters: attempts are planned and signed by it.
enum DeliveryClock {
    /// Milliseconds since the epoch.
    static func now() -> Int64 {
        Int64(Date().timeIntervalSince1970 * 1000)
    }
}
