// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization

/// Wakes one thread that waits for something to change. Costs the others one atomic read while it does not wait.
final class Wake: Sendable {
    /// What the thread waits for: nothing, reports only, appends too.
    private static let (idle, reports, everything) = (0, 1, 2)
    private let state = Atomic(0)
    private let semaphore = DispatchSemaphore(value: 0)

    /// Called before looking whether there is something to do: a change after this is not missed.
    func prepare(forAppends: Bool) {
        state.store(forAppends ? Self.everything : Self.reports, ordering: .sequentiallyConsistent)
    }

    /// There was something to do.
    func cancel() {
        // Whoever was faster has signalled already; that signal must not end a later wait.
        if state.exchange(Self.idle, ordering: .sequentiallyConsistent) == Self.idle { semaphore.wait() }
    }

    /// Returns when something has changed since `prepare`, or the time is over.
    func wait(milliseconds: Int) {
        if semaphore.wait(timeout: .now() + .milliseconds(milliseconds)) == .timedOut { cancel() }
    }

    /// Something other than an append has happened.
    func signal() {
        if state.load(ordering: .sequentiallyConsistent) != Self.idle,
            state.exchange(Self.idle, ordering: .sequentiallyConsistent) != Self.idle
        {
            semaphore.signal()
        }
    }

    /// An event was appended.
    func signalAppend() {
        if state.load(ordering: .sequentiallyConsistent) == Self.everything { signal() }
    }
}
