// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import Kafka
import Logging
import Synchronization

/// What the spool and its two threads share. The threads hold this and not the spool, so that letting go of the spool
/// stops them. The second thread takes care of the files: it writes the position, deletes, forces to the disk.
final class SpoolCore: Sendable {
    private struct State {
        var isStopping = false
        var written: SpoolPosition?
        /// Why the files could not be taken care of, until they can.
        var problem: SpoolError?
    }

    let log: SegmentLog
    private let window: DeliveryWindow
    private let sender: SpoolSender
    private let wake = Wake()
    private let topic: String
    private let limits: SpoolLimits
    private let logger: Logger
    private let metrics: SpoolMetrics
    private let recovered: RecoveredLog
    private let state = Mutex(State())
    private let ended = DispatchSemaphore(value: 0)

    init(
        folder: String, topic: String, properties: KafkaProperties, limits: SpoolLimits, purpose: SpoolPurpose,
        logger: Logger
    ) throws {
        try limits.check()
        metrics = SpoolMetrics(purpose)
        let folder = try SpoolFolder(path: folder)
        var position = SpoolPosition(topic: topic)
        switch try PositionFile(path: folder.positionPath).read() {
        case .absent: break
        case .damaged:
            logger.error(
                "the spool's position is damaged: all of the spool is looked for in Kafka and sent if missing",
                metadata: ["file": "\(folder.positionPath)"])
        case .position(let read): position = read
        }
        // Offsets of another topic mean nothing here.
        if position.topic != topic { position.offsets = [:] }
        var floors: [Int32: Int64] = [:]
        for (name, offset) in position.offsets { if let partition = Int32(name) { floors[partition] = offset } }
        recovered = try RecoveredLog(
            folder: folder, acknowledged: position.acknowledged, limits: limits, logger: logger)
        log = SegmentLog(folder: folder, limits: limits, recovered: recovered)
        // Segments leave from the front when they are acknowledged, so a position from before that says too little.
        let base = max(position.acknowledged, recovered.segments.first?.first ?? 0)
        window = DeliveryWindow(base: base, floors: floors, limits: limits, wake: wake)
        sender = try SpoolSender(
            log: log, window: window, wake: wake, topic: topic, properties: properties, logger: logger)
        self.topic = topic
        self.limits = limits
        self.logger = logger
    }

    func start() {
        sender.start()
        let thread = Thread { self.run() }
        thread.name = "spool-files"
        thread.start()
    }

    func append(
        key: [UInt8], uid: [UInt8], payload: UnsafeRawBufferPointer, isReserved: Bool
    ) throws(SpoolError) {
        try log.append(key: key, uid: uid, payload: payload, time: Self.now, isReserved: isReserved)
        wake.signalAppend()
    }

    func flush(timeoutMilliseconds: Int) -> Bool {
        let end = ContinuousClock.now + .milliseconds(timeoutMilliseconds)
        let target = log.read { $0.next }
        while window.progress.base < target {
            if ContinuousClock.now >= end { return false }
            Thread.sleep(forTimeInterval: 0.005)
        }
        return true
    }

    func requestStop(drainMilliseconds: Int) {
        log.close()
        sender.requestStop(drainMilliseconds: drainMilliseconds)
        state.withLock { $0.isStopping = true }
    }

    func waitUntilStopped() {
        ended.wait()
        ended.signal()  // for the next caller
    }

    var status: SpoolStatus {
        let progress = window.progress
        let log = log.read { $0 }
        let waiting = Int(log.next - min(log.next, progress.base))
        let bytes = recovered.waitingBytes + log.appendedBytes - progress.acknowledgedBytes
        let oldest = progress.oldestTime ?? log.unreadTime
        var status = SpoolStatus(
            phase: .checking, waitingEvents: waiting, waitingBytes: waiting == 0 ? 0 : max(0, bytes),
            usedBytes: log.usedBytes, oldestMilliseconds: waiting == 0 ? nil : oldest.map { max(0, Self.now - $0) },
            appended: log.appended, acknowledged: progress.acknowledged, refused: log.refused, damaged: 0,
            alreadyInKafka: 0, problem: nil)
        if let trouble = log.trouble ?? state.withLock({ $0.problem }) {
            status.problem = trouble.description
        } else if !log.isClosed, !self.log.hasRoom {
            status.problem = SpoolError.full(folder: self.log.folder.path, totalBytes: limits.totalBytes).description
        }
        sender.describe(&status)
        return status
    }

    // MARK: The thread

    private func run() {
        let interval = Duration.milliseconds(limits.positionMilliseconds)
        let tick = Double(min(limits.positionMilliseconds, 100)) / 1000
        var nextPosition = ContinuousClock.now + interval
        var nextCare = ContinuousClock.now + .seconds(1)
        while !state.withLock({ $0.isStopping }) {
            Thread.sleep(forTimeInterval: tick)
            if ContinuousClock.now >= nextPosition {
                attempt { () throws(SpoolError) in try writePosition() }
                nextPosition = .now + interval
            }
            if ContinuousClock.now >= nextCare {
                nextCare = .now + .seconds(1)
                log.probe()
                if limits.synchronisation != .never {
                    attempt { () throws(SpoolError) in try log.synchronise() }
                }
                metrics.record(status)
            }
        }
        sender.waitUntilStopped()
        attempt { () throws(SpoolError) in
            try writePosition()
            try log.remove(before: window.progress.base, isLast: true)
            if limits.synchronisation != .never { try log.synchronise() }
        }
        metrics.record(status)
        log.folder.unlock()
        ended.signal()
    }

    /// Writes how far Kafka has acknowledged, when that has changed; then deletes what it no longer needs.
    private func writePosition() throws(SpoolError) {
        let progress = window.progress
        var position = SpoolPosition(acknowledged: progress.base, topic: topic)
        for (partition, offset) in progress.floors { position.offsets[String(partition)] = offset }
        if state.withLock({ $0.written }) == position { return }
        do throws(SpoolError) {
            try PositionFile(path: log.folder.positionPath).write(
                position, synchronised: limits.synchronisation == .everyEvent)
        } catch {
            // On a full disk the segments have to go first, or there would never be room. What is deleted is in Kafka,
            // and a start with the old position only looks further back.
            try log.remove(before: progress.base)
            throw error
        }
        state.withLock { $0.written = position }
        window.settled(progress.base)
        try log.remove(before: progress.base)
    }

    private func attempt(_ body: () throws(SpoolError) -> Void) {
        do throws(SpoolError) {
            try body()
            state.withLock { $0.problem = nil }
        } catch {
            let isNew = state.withLock { state in
                defer { state.problem = error }
                return state.problem != error
            }
            if isNew { logger.error("\(error)") }
        }
    }

    private static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
