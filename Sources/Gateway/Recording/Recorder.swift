// SPDX-License-Identifier: Apache-2.0

import AuditSpool
import Connections
import Kafka
import Logging
import Metrics
import Recordings
import Synchronization

/// Where recordings go: a spool of their own, so that they cannot take the room of audit events. Safe on any event loop.
final class Recorder: Sendable {
    let settings: RecordingSettings
    private let spool: AuditSpool
    private let logger: Logger
    private let held = Atomic<Int>(0)
    private let isComplaining = Atomic<Bool>(false)
    private let kept = Counter(label: "gatewatch_gateway_recordings_total", dimensions: [("outcome", "kept")])
    private let lost = Counter(label: "gatewatch_gateway_recordings_total", dimensions: [("outcome", "lost")])

    /// - Throws: `SpoolError`, `KafkaError`.
    init(folder: String, settings: RecordingSettings, properties: KafkaProperties, logger: Logger) throws {
        self.settings = settings
        self.logger = logger
        var limits = settings.spool
        limits.maximumEventBytes = settings.maximumEventBytes
        spool = try AuditSpool(
            folder: folder, topic: settings.topic, properties: properties, limits: limits, purpose: .recordings,
            logger: logger)
        kept.increment(by: 0)
        lost.increment(by: 0)
    }

    var status: SpoolStatus { spool.status }
    var hasRoom: Bool { spool.hasRoom }

    /// Sets room aside for one recording; true where recordings are not required. Given back by ``release()``.
    func reserve() -> Bool { !settings.isRequired || spool.reserve() }

    func release() { if settings.isRequired { spool.release() } }

    func close() { spool.close() }

    /// Whether so many more bytes may be held; given back by ``letGo(_:)``.
    func hold(_ bytes: Int) -> Bool {
        if held.add(bytes, ordering: .relaxed).newValue <= settings.heldBytes { return true }
        held.subtract(bytes, ordering: .relaxed)
        return false
    }

    func letGo(_ bytes: Int) { held.subtract(bytes, ordering: .relaxed) }

    /// Keeps a recording. When this returns true, the end of the process does not lose it.
    ///
    /// - Parameter key: recordings with one key keep their order.
    /// - Returns: false if it is lost and recordings are required.
    func keep(_ recording: Recording, key: String, isReserved: Bool) -> Bool {
        do {
            do {
                try append(recording, key, isReserved)
            } catch SpoolError.tooLarge {
                // Characters that JSON writes as six.
                try append(recording.shortened(), key, isReserved)
            }
            kept.increment()
            if isComplaining.exchange(false, ordering: .relaxed) { logger.notice("exchanges are recorded again") }
            return true
        } catch {
            lost.increment()
            if !isComplaining.exchange(true, ordering: .relaxed) {
                logger.error(
                    "exchanges are not recorded\(settings.isRequired ? "" : ", and served all the same"): \(error)")
            }
            return !settings.isRequired
        }
    }

    private func append(_ recording: Recording, _ key: String, _ isReserved: Bool) throws(SpoolError) {
        try spool.append(
            key: Array(key.utf8), uid: Array(recording.uid.utf8), payload: recording.json,
            isReserved: isReserved && settings.isRequired)
    }
}

extension Recording {
    /// The same with little of its bodies.
    fileprivate func shortened() -> Recording {
        var recording = self
        for message in [\Recording.request, \Recording.response] {
            guard let body = recording[keyPath: message].body, body.utf8.count > 4096 else { continue }
            recording[keyPath: message].isTruncated = true
            recording[keyPath: message].set(body: body.limited(4096))
        }
        return recording
    }
}
