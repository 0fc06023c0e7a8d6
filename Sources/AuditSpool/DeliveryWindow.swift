// SPDX-License-Identifier: Apache-2.0

import Kafka
import Synchronization

/// The events that are with the Kafka client, in their order, and what follows from its reports: up to where everything
/// is acknowledged, and from which offsets on Kafka can hold events beyond that.
final class DeliveryWindow: Sendable {
    private struct Entry {
        let recordBytes: Int
        let time: Int64
        /// Where Kafka has it; nil until it says so.
        var place: (partition: Int32, offset: Int64)?
    }

    private struct State {
        /// Sequence number of the first entry; everything before it is acknowledged.
        var base: UInt64
        var entries: [Entry] = []
        /// Entries before this index have left.
        var head = 0
        var floors: [Int32: Int64]
        /// Raises the floors once everything before `base` is acknowledged. See `raiseFloors`.
        var ends: (base: UInt64, offsets: [Int32: Int64])?
        /// The base that is written to the position's file.
        var settled: UInt64
        var failure: KafkaError?
        var acknowledged: UInt64 = 0
        var acknowledgedBytes = 0
    }

    /// What the position's file says, and what a status shows.
    struct Progress {
        let base: UInt64
        let floors: [Int32: Int64]
        let acknowledged: UInt64
        let acknowledgedBytes: Int
        let oldestTime: Int64?
    }

    private let limits: SpoolLimits
    private let wake: Wake
    private let state: Mutex<State>

    init(base: UInt64, floors: [Int32: Int64], limits: SpoolLimits, wake: Wake) {
        self.limits = limits
        self.wake = wake
        state = Mutex(State(base: base, floors: floors, settled: base))
    }

    var progress: Progress {
        state.withLock {
            Progress(
                base: $0.base, floors: $0.floors, acknowledged: $0.acknowledged,
                acknowledgedBytes: $0.acknowledgedBytes,
                oldestTime: $0.head < $0.entries.count ? $0.entries[$0.head].time : nil)
        }
    }

    /// Whether one more event may be sent: bounds the client's memory, and what a start after a crash has to look for.
    var hasRoom: Bool {
        state.withLock { state in
            let count = state.entries.count - state.head
            return count < limits.inFlightEvents
                && Int(state.base - state.settled) + count < limits.unsettledEvents
        }
    }

    var isEmpty: Bool { state.withLock { $0.head == $0.entries.count } }

    /// The sequence number that `add` expects next.
    var next: UInt64 { state.withLock { $0.base + UInt64($0.entries.count - $0.head) } }

    /// The first report of a failure since `restart`.
    var failure: KafkaError? { state.withLock { $0.failure } }

    /// An event goes to the client, or is known to be in Kafka already.
    func add(_ record: SpoolRecord) {
        state.withLock { $0.entries.append(Entry(recordBytes: record.recordBytes, time: record.time)) }
    }

    /// The client did not take the event that was added last.
    func takeBack() {
        state.withLock { state in
            if state.head < state.entries.count { state.entries.removeLast() }
        }
    }

    /// Kafka has the event.
    func delivered(_ sequence: UInt64, partition: Int32, offset: Int64) {
        state.withLock { state in
            guard sequence >= state.base else { return }
            let index = state.head + Int(sequence - state.base)
            guard index < state.entries.count else { return }
            state.entries[index].place = (partition, offset)
            if index == state.head { Self.advance(&state) }
        }
        wake.signal()
    }

    /// The client gave an event up.
    func failed(_ error: KafkaError) {
        state.withLock { $0.failure = $0.failure ?? error }
        wake.signal()
    }

    /// Passes events that cannot be read any more. Only while the window is empty.
    func jump(to sequence: UInt64) {
        state.withLock { state in
            guard state.head == state.entries.count, sequence > state.base else { return }
            state.base = sequence
            Self.raise(&state)
        }
    }

    /// Everything sent and not acknowledged will be sent again from the base: the client is gone, and has reported all
    /// of it.
    func restart() {
        state.withLock { state in
            state.entries = []
            state.head = 0
            state.failure = nil
            state.ends = nil
        }
    }

    /// Every event from `base` on is sent after its partition ended at these offsets, or stands before them and is
    /// known. Partitions to which little is sent would otherwise keep an old floor.
    func raiseFloors(to offsets: [Int32: Int64], onceAcknowledged base: UInt64) {
        state.withLock { state in
            state.ends = (base, offsets)
            Self.raise(&state)
        }
    }

    /// The position's file says this.
    func settled(_ base: UInt64) {
        state.withLock { $0.settled = max($0.settled, base) }
        wake.signal()
    }

    private static func advance(_ state: inout State) {
        while state.head < state.entries.count, let place = state.entries[state.head].place {
            let entry = state.entries[state.head]
            state.floors[place.partition] = max(state.floors[place.partition] ?? 0, place.offset + 1)
            state.acknowledgedBytes += entry.recordBytes
            state.acknowledged += 1
            state.base += 1
            state.head += 1
        }
        // Amortised: half of the array at least is moved away each time.
        if state.head == state.entries.count || state.head > 4096, state.head * 2 >= state.entries.count {
            state.entries.removeFirst(state.head)
            state.head = 0
        }
        raise(&state)
    }

    private static func raise(_ state: inout State) {
        guard let ends = state.ends, state.base >= ends.base else { return }
        for (partition, offset) in ends.offsets {
            state.floors[partition] = max(state.floors[partition] ?? 0, offset)
        }
        state.ends = nil
    }
}
