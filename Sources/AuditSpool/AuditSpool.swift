// SPDX-License-Identifier: Apache-2.0

package import Kafka
package import Logging

/// The local spool that every audit event passes on its way to Kafka; recordings pass another one.
///
/// `append` writes the event to a file of the folder and returns; from then on the end of the process, by any signal,
/// does not lose it. A thread sends what is there in order and deletes whole files when Kafka has acknowledged them, so
/// an outage is the usual case with a longer queue: memory does not grow with it, only the folder, up to its limit.
///
/// **Once by uid.** Each record carries the event's uid in the header `gatewatch.uid`. While the process lives, the
/// idempotent producer keeps repeats out. `position.json` holds how far Kafka has acknowledged and where the partitions
/// stood then; after a crash the events behind that are looked for in the topic from there on before anything is sent.
/// With Kafka away this waits, and `append` goes on. Events with the same key keep their order, also across an outage
/// or a crash. Where the machine loses power, or the topic is deleted, an event can be sent twice.
///
/// **Files.** `lock` is locked (flock) by the process that has the folder. A segment is named by its first event's
/// sequence number, `00000000000000000000.segment`, and begins with 16 bytes: `GWSPOOL`, the format's version (1), and
/// that number (u64). Then record follows record; all numbers are little endian:
///
/// | bytes | what |
/// | --- | --- |
/// | 4 | length of everything after the checksum |
/// | 4 | CRC-32C of the length and of everything after the checksum |
/// | 8 | time of the append, milliseconds since the epoch, UTC |
/// | 2, 1 | length of the key, of the uid |
/// | … | key, uid, payload |
/// | 8 | sequence number, one higher than the event's before |
///
/// An event that was being written when the process ended is cut off at the next start. A record whose checksum is
/// wrong is left out, counted and logged, and reading goes on at the next whole one.
package final class AuditSpool: Sendable {
    /// The record header that carries the event's uid.
    package static let uidHeader = "gatewatch.uid"

    private let core: SpoolCore

    /// Opens the folder, makes it if it is not there, recovers what an earlier process left, and starts sending.
    /// Brokers need not be there yet.
    ///
    /// - Parameters:
    ///   - folder: for this spool alone.
    ///   - topic: where the events go, by key.
    ///   - properties: librdkafka's; `linger.ms=1` unless given. `enable.idempotence`, `message.timeout.ms` (none) and
    ///     `queue.buffering.max.messages` are the spool's own.
    ///   - purpose: what the spool's metrics are called by.
    /// - Throws: `SpoolError` about the folder or the limits, `KafkaError` about the properties.
    package init(
        folder: String, topic: String, properties: KafkaProperties, limits: SpoolLimits = SpoolLimits(),
        purpose: SpoolPurpose = .audit, logger: Logger
    ) throws {
        core = try SpoolCore(
            folder: folder, topic: topic, properties: properties, limits: limits, purpose: purpose, logger: logger)
        core.start()
    }

    deinit {
        core.requestStop(drainMilliseconds: 0)
    }

    /// Sets room aside for one event of the largest size, for a request that is about to be let in: whatever other
    /// requests do, its event will find room in the spool's limit. False when there is none, or when the disk refused
    /// the last event.
    ///
    /// Every `true` is given back by one `release()`, after the request's event was appended. Any thread; no system
    /// call.
    package func reserve() -> Bool { core.log.reserve() }

    /// Gives a reservation back.
    package func release() { core.log.release() }

    /// Whether `reserve()` would find room now.
    package var hasRoom: Bool { core.log.hasRoom }

    /// Takes an event. When this returns, the event is in the file. Any thread; blocks for one write to the system's
    /// memory (and for the disk with `synchronisation: .everyEvent`).
    ///
    /// - Parameters:
    ///   - key: the identity; events with the same key keep their order. At most 64 KiB - 1.
    ///   - uid: unique per event, at most 255 bytes.
    ///   - payload: the event's JSON. With key and uid at most `maximumEventBytes`.
    ///   - isReserved: the caller holds a reservation: its room is used for this event. Without one, the room that
    ///     others have reserved is left to them.
    /// - Throws: ``SpoolError``: `full` and `storage` when the event is not recorded, so the request is to be refused
    ///   (503); `tooLarge`; `closed`.
    package func append(
        key: [UInt8], uid: [UInt8], payload: UnsafeRawBufferPointer, isReserved: Bool = false
    ) throws(SpoolError) {
        try core.append(key: key, uid: uid, payload: payload, isReserved: isReserved)
    }

    /// Takes an event; parameters as in the other form.
    package func append(
        key: [UInt8], uid: [UInt8], payload: [UInt8], isReserved: Bool = false
    ) throws(SpoolError) {
        // A closure that returns its error, because withUnsafeBytes passes no typed one on.
        let failure = payload.withUnsafeBytes { bytes -> SpoolError? in
            do throws(SpoolError) {
                try core.append(key: key, uid: uid, payload: bytes, isReserved: isReserved)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    /// What the spool holds and how it fares. Cheap enough for every health check and scrape.
    package var status: SpoolStatus { core.status }

    /// Waits until Kafka has acknowledged everything that was appended before, or the time is over. Blocks.
    ///
    /// - Returns: whether it has.
    @discardableResult
    package func flush(timeoutMilliseconds: Int) -> Bool {
        core.flush(timeoutMilliseconds: timeoutMilliseconds)
    }

    /// Takes no more events, sends what is there for up to `drainMilliseconds`, writes the position and lets go of the
    /// folder. What could not be sent stays in the folder for the next start. Blocks; may be called again.
    package func close(drainMilliseconds: Int = 5000) {
        core.requestStop(drainMilliseconds: drainMilliseconds)
        core.waitUntilStopped()
    }
}
