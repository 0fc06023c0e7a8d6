// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The processor time that the searches of one request may take together, so that no text can hold up a thread.
///
/// It is this thread's processor time, not wall time: a busy machine changes no answer. The clock is read once per 16
/// KiB of text, so short texts cost nothing. For one thread.
package struct SearchBudget {
    /// Bytes of text between two looks at the clock.
    private static let step = 16 * 1024

    private let nanoseconds: UInt64
    private var uncharged = 0
    private var began: UInt64?
    /// Whether the time is used up: what was not searched by then is undecided.
    package private(set) var isSpent = false

    /// - Parameter milliseconds: processor time for everything that is searched with this budget.
    package init(milliseconds: Int = 250) {
        nanoseconds = UInt64(max(0, milliseconds)) * 1_000_000
    }

    /// Takes note of bytes that are about to be searched. False when the time is used up.
    mutating func charge(_ bytes: Int) -> Bool {
        if isSpent { return false }
        uncharged += bytes
        guard uncharged >= Self.step else { return true }
        uncharged = 0
        let now = Self.threadTime()
        guard let began else {
            self.began = now
            isSpent = nanoseconds == 0
            return !isSpent
        }
        isSpent = now &- began >= nanoseconds
        return !isSpent
    }

    private static func threadTime() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
