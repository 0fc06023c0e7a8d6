// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How many logins were begun in this minute, by address. Bounded: it forgets all at the turn of the minute.
final class LoginPace: Sendable {
    private struct State {
        var minute: Int64 = 0
        var all = 0
        var byAddress: [String: Int] = [:]
    }

    private let limits: WebLimits
    private let state = Mutex(State())

    init(limits: WebLimits) { self.limits = limits }

    /// True if one more may begin at `now` (ms since the epoch); counts it then.
    func allows(_ address: String, now: Int64) -> Bool {
        state.withLock { state in
            if now / 60_000 != state.minute { state = State(minute: now / 60_000) }
            guard state.all < limits.allLoginsPerMinute, state.byAddress[address, default: 0] < limits.loginsPerMinute
            else { return false }
            state.all += 1
            state.byAddress[address, default: 0] += 1
            return true
        }
    }
}
