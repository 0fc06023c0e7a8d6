// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import Kafka
import Logging
import Synchronization

/// The thread that brings the log to Kafka: finds out what Kafka has already, then sends event by event, in order.
///
/// One client is used as long as it delivers. When it gives an event up (the topic is gone, the client is fatally
/// broken), everything unacknowledged begins again with a new one: first the look at Kafka, then the sending.
final class SpoolSender: Sendable {
    private struct State {
        var phase = SpoolStatus.Phase.checking
        /// When the thread must be done at the latest; nil while it is not asked to end.
        var deadline: ContinuousClock.Instant?
        var problem: String?
        var alreadyInKafka: UInt64 = 0
        var damaged: UInt64 = 0
        var damagedThrough: UInt64 = 0
        var producer: KafkaProducer?
        /// Events before this may have been sent by an earlier process, or by an earlier client of this one.
        var doubtful: UInt64
    }

    private let log: SegmentLog
    private let window: DeliveryWindow
    private let wake: Wake
    private let topic: String
    private let properties: KafkaProperties
    private let logger: Logger
    private let state: Mutex<State>
    private let ended = DispatchSemaphore(value: 0)

    /// - Throws: `KafkaError` naming the property that is wrong.
    init(
        log: SegmentLog, window: DeliveryWindow, wake: Wake, topic: String, properties: KafkaProperties, logger: Logger
    ) throws {
        self.log = log
        self.window = window
        self.wake = wake
        self.topic = topic
        self.properties = properties
        self.logger = logger
        let producer = try SpoolProducer.start(properties, log.limits, logger)
        // What an earlier process had sent without writing down that it was acknowledged is bounded by the window; a
        // margin is for an earlier configuration with a larger one.
        let furthest = window.next + UInt64(max(log.limits.unsettledEvents, 50_000))
        state = Mutex(State(producer: producer, doubtful: min(log.read { $0.next }, furthest)))
    }

    func start() {
        let thread = Thread { self.run() }
        thread.name = "spool-sender"
        thread.start()
    }

    /// Ends the thread when everything is acknowledged, or after this time. The first request counts.
    func requestStop(drainMilliseconds: Int) {
        state.withLock { state in
            if state.deadline == nil { state.deadline = .now + .milliseconds(max(0, drainMilliseconds)) }
        }
        wake.signal()
    }

    func waitUntilStopped() {
        ended.wait()
        ended.signal()  // for the next caller
    }

    /// Fields of the status that are the sender's.
    func describe(_ status: inout SpoolStatus) {
        state.withLock { state in
            status.phase = state.phase
            status.problem =
                status.problem ?? state.problem
                ?? state.producer?.lastError.flatMap {
                    // A client keeps its last error; it matters while events wait longer than they should.
                    (status.oldestMilliseconds ?? 0) > 5000 ? $0.description : nil
                }
            status.damaged = state.damaged
            status.alreadyInKafka = state.alreadyInKafka
        }
    }

    // MARK: The thread

    private func run() {
        var pause = 100
        while true {
            var producer: KafkaProducer?
            let before = window.progress.base
            do {
                let fresh = try state.withLock({ $0.producer }) ?? SpoolProducer.start(properties, log.limits, logger)
                producer = fresh
                state.withLock { $0.producer = fresh }
                let known = try check(fresh)
                setPhase(.sending)
                try send(fresh, known: known)
            } catch is Stopped {
            } catch {
                tell("Audit events stay in the spool: \(error)")
            }
            // Reports every event that is still with it.
            producer?.close(flushMilliseconds: 0)
            let isOver = state.withLock { state in
                state.producer = nil
                state.doubtful = max(state.doubtful, window.next)
                return state.deadline.map { ContinuousClock.now >= $0 } ?? false
            }
            window.restart()
            if isOver || isDone(held: nil) { break }
            setPhase(.checking)
            // A client that got something through is not the next one's bad omen.
            if window.progress.base > before { pause = 100 }
            wait(milliseconds: pause)
            pause = min(pause * 2, 10_000)
        }
        setPhase(.stopped)
        ended.signal()
    }

    /// Asked to end, and everything that could be done is.
    private struct Stopped: Error {}

    /// What Kafka has already of the events that may have been sent: place by uid. Waits until the topic answers.
    private func check(_ producer: KafkaProducer) throws -> [[UInt8]: (partition: Int32, offset: Int64)] {
        let ends = try waitForEnds(producer)
        let base = window.next
        let doubtful = state.withLock { $0.doubtful }
        var known: [[UInt8]: (partition: Int32, offset: Int64)] = [:]
        if doubtful > base {
            var wanted = Set<[UInt8]>()
            var cursor = LogCursor(log: log, from: base)
            while cursor.expected < doubtful, case .record(let record) = try cursor.next() { wanted.insert(record.uid) }
            note(cursor.takeDamages())
            var check = try TopicCheck(
                properties: properties, topic: topic, floors: window.progress.floors, wanted: wanted, logger: logger)
            while try !check.step() { if isPastDeadline { throw Stopped() } }
            known = check.found
            logger.notice(
                "the spool looked for events that Kafka may have already",
                metadata: ["events": "\(wanted.count)", "found": "\(known.count)", "read": "\(check.recordsRead)"])
        }
        window.raiseFloors(to: ends, onceAcknowledged: max(base, doubtful))
        return known
    }

    private func waitForEnds(_ producer: KafkaProducer) throws -> [Int32: Int64] {
        while true {
            do {
                let ends = try producer.endOffsets(of: topic, timeoutMilliseconds: 1000)
                return Dictionary(uniqueKeysWithValues: ends.map { ($0.key.partition, $0.value) })
            } catch let error as KafkaError {
                if error.isFatal { throw error }
                tell("Audit events wait in the spool: \(error)")
            }
            if isPastDeadline { throw Stopped() }
            wait(milliseconds: 100)
        }
    }

    private func send(
        _ producer: KafkaProducer, known: [[UInt8]: (partition: Int32, offset: Int64)]
    ) throws {
        var known = known
        let doubtful = state.withLock { $0.doubtful }
        var cursor = LogCursor(log: log, from: window.next)
        var held: SpoolRecord?
        var nextRefresh = ContinuousClock.now + Self.refresh
        var handed = 0
        while true {
            if let failure = window.failure { throw failure }
            if ContinuousClock.now >= nextRefresh {
                refreshFloors(producer)
                nextRefresh = .now + Self.refresh
            }
            wake.prepare(forAppends: held == nil && window.hasRoom)
            if held == nil, window.hasRoom {
                if case .record(let record) = try cursor.next() { held = record }
                note(cursor.takeDamages())
                // Damage at the very end leaves nothing to send.
                if held == nil, window.isEmpty { window.jump(to: cursor.expected) }
            }
            guard let record = held, try hand(record, to: producer, &known) else {
                if isDone(held: held) { throw Stopped() }
                if held == nil, handed > 0 {
                    // Requests come in crowds: a short nap gathers the next events without a wake-up for each. The first after
                    // a pause is not kept waiting.
                    handed = 0
                    wake.cancel()
                    usleep(Self.nap)
                    continue
                }
                wake.wait(milliseconds: 200)
                continue
            }
            wake.cancel()
            held = nil
            handed += 1
            log.noteRead(through: record.sequence + 1)
            if record.sequence >= doubtful { known = [:] }
        }
    }

    /// Whether the event is with the client now; if not, something has to change first.
    private func hand(
        _ record: SpoolRecord, to producer: KafkaProducer,
        _ known: inout [[UInt8]: (partition: Int32, offset: Int64)]
    ) throws -> Bool {
        if record.sequence > window.next {
            guard window.isEmpty else { return false }
            window.jump(to: record.sequence)
        }
        if let place = known.removeValue(forKey: record.uid) {
            window.add(record)
            window.delivered(record.sequence, partition: place.partition, offset: place.offset)
            state.withLock { $0.alreadyInKafka += 1 }
            return true
        }
        window.add(record)
        do {
            try producer.send(
                topic: topic, key: record.key, payload: record.payload,
                headers: [(AuditSpool.uidHeader, record.uid)], timestampMilliseconds: record.time
            ) { [window] result in
                switch result {
                case .success(let place):
                    window.delivered(record.sequence, partition: place.partition, offset: place.offset)
                case .failure(let error): window.failed(error)
                }
            }
        } catch let error as KafkaError where error.code == "_QUEUE_FULL" {
            window.takeBack()
            return false
        }
        clearProblem()
        return true
    }

    private func refreshFloors(_ producer: KafkaProducer) {
        // Events that are known to be in Kafka stand before the ends that are asked for now.
        let next = max(window.next, state.withLock { $0.doubtful })
        // While Kafka is away nothing moves anyway.
        guard let ends = try? producer.endOffsets(of: topic, timeoutMilliseconds: 200) else { return }
        window.raiseFloors(
            to: Dictionary(uniqueKeysWithValues: ends.map { ($0.key.partition, $0.value) }), onceAcknowledged: next)
    }

    /// Microseconds.
    private static let nap: UInt32 = 1000

    /// How often the floors of partitions to which nothing is sent are raised.
    private static let refresh = Duration.seconds(30)

    // MARK: Telling

    private var isPastDeadline: Bool {
        state.withLock { state in state.deadline.map { ContinuousClock.now >= $0 } ?? false }
    }

    /// Whether the thread was asked to end and may: everything is acknowledged, or the time is over.
    private func isDone(held: SpoolRecord?) -> Bool {
        guard state.withLock({ $0.deadline != nil }) else { return false }
        return isPastDeadline || held == nil && window.isEmpty && window.next >= log.read { $0.next }
    }

    /// Waits, but not past the time at which the thread must be done.
    private func wait(milliseconds: Int) {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        while ContinuousClock.now < end, !isPastDeadline { Thread.sleep(forTimeInterval: 0.02) }
    }

    private func setPhase(_ phase: SpoolStatus.Phase) { state.withLock { $0.phase = phase } }

    private func clearProblem() { state.withLock { if $0.problem != nil { $0.problem = nil } } }

    private func tell(_ problem: String) {
        let isNew = state.withLock { state in
            defer { state.problem = problem }
            return state.problem != problem
        }
        if isNew { logger.error("\(problem)") }
    }

    private func note(_ damages: [LogCursor.Damage]) {
        for damage in damages {
            let isNew = state.withLock { state in
                let end = damage.firstSequence + damage.events
                guard end > state.damagedThrough else { return false }
                state.damaged += end - max(damage.firstSequence, state.damagedThrough)
                state.damagedThrough = end
                return true
            }
            if isNew {
                logger.error(
                    "events in the spool are damaged and lost: check the disk",
                    metadata: [
                        "file": "\(damage.file)", "events": "\(damage.events)", "first": "\(damage.firstSequence)",
                    ])
            }
        }
    }
}
