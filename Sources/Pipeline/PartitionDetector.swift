// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Foundation
import Kafka
import Logging
import Orders
import Signing

/// One partition while it is ours: its engine, its state on disk, its outgoing records. For the thread that owns it.
final class PartitionDetector {
    private struct RowKey: Hashable {
        let state: UInt64
        let key: [UInt8]
    }

    let partition: TopicPartition
    private let settings: DetectSettings
    private let store: PartitionStore
    private let sender: OutboxSender
    private let responder: Responder?
    private let options: Engine.Options
    private let metrics: DetectMetrics
    private let logger: Logger
    private var plan: DetectorPlan
    private var transcoder: LineTranscoder?
    private var engine: Engine
    private var nextOffset: Int64
    /// Changed rows that no commit has written yet; a failed commit leaves them here.
    private var pending: [RowKey: [UInt8]?] = [:]
    private var drafts: [PartitionStore.Draft] = []
    /// Orders among the drafts, for the books of the budget.
    private var issued: [OrderLedger.Entry] = []
    private var forgetsUnknownStates = true
    private var events = 0
    private var withoutIdentity = 0
    private var hasNews = false
    private var isFirstRecord = true
    /// Told of each commit: records and alerts in it.
    private let committed: (Int, Int) -> Void
    private var held = HeldRecords()
    /// The ids of the held records' events that have none.
    private let uidBuffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: uidBytes * HeldRecords.capacity, alignment: 8)
    private static let uidBytes = 48

    /// Events since the last commit.
    private(set) var uncommitted = 0
    private var uncommittedAlerts = 0
    /// Whether something should be committed without waiting.
    var isUrgent: Bool { !drafts.isEmpty }
    /// Where to read on, for the consumer; nil when the partition is new to us.
    let start: Int64?

    init(
        _ partition: TopicPartition, plan: DetectorPlan, settings: DetectSettings, producer: KafkaProducer,
        responder: Responder?, dismissals: Dismissals, metrics: DetectMetrics, logger: Logger,
        committed: @escaping (Int, Int) -> Void
    ) throws {
        self.committed = committed
        self.partition = partition
        self.plan = plan
        self.settings = settings
        self.responder = responder
        self.metrics = metrics
        var logger = logger
        logger[metadataKey: "partition"] = "\(partition)"
        self.logger = logger
        store = try PartitionStore(path: "\(settings.stateFolder)/\(partition.topic)-\(partition.partition).sqlite")
        sender = OutboxSender(producer: producer, logger: logger)
        options = Engine.Options(lateness: settings.lateness, isDismissed: { dismissals.contains($0) })
        engine = Engine(plan: plan, options: options)
        transcoder = try plan.makeTranscoder(now: Responder.now())
        if let (offset, rows, left) = try store.restore(engine) {
            start = offset
            nextOffset = offset
            logger.info(
                "goes on at offset \(offset) with \(rows) rows of state, \(left) of rules no longer there or damaged")
        } else {
            start = nil
            nextOffset = 0
            logger.info("has no state here yet; it is built from the topic")
        }
        responder?.restore(try store.issued(since: Responder.now() - PartitionStore.booksMilliseconds))
        sender.send(try store.outgoing())
    }

    deinit {
        uidBuffer.deallocate()
    }

    // MARK: Events

    /// Takes one record. Never throws: what cannot be used goes to the rejected topic.
    ///
    /// Its event is counted by the next `settle` at the latest, which must come before another partition of the same plan takes one:
    /// they share a decoder.
    func take(_ record: consuming ConsumerRecord) {
        let offset = record.offset
        if offset < nextOffset {
            // Kafka was asked for `nextOffset` and has nothing of the kind: the topic was made anew. Only its first record tells.
            guard isFirstRecord else { return }
            logger.warning(
                "the topic begins anew at offset \(offset), the state was at \(nextOffset): it was deleted and made again. Reading on."
            )
        }
        isFirstRecord = false
        nextOffset = offset + 1
        uncommitted += 1
        events += 1
        hasNews = true
        guard transcoder == nil else { return takeLine(record) }
        let timestamp = record.timestampMilliseconds
        do throws(EventError) {
            guard let payload = record.payload else { throw .empty }
            let view = try decode(payload, uid: uid(offset, 0, place: held.count), timestamp)
            held.append(record, view)
            if held.isFull { settle() }
        } catch {
            settle()
            reject(record, error)
        }
    }

    /// Counts the events of the records that were taken since the last call.
    func settle() {
        guard held.count > 0 else { return }
        engine.process(held.events) { place, error in
            if let error { held.withRecord(place) { reject($0, error) } }
        }
        held.removeAll()
        if engine.hasAlerts { collectAlerts() }
    }

    /// A line of text of other systems, which stands for any number of events, in the transcoder's memory.
    private func takeLine(_ record: borrowing ConsumerRecord) {
        do throws(EventError) {
            guard let payload = record.payload else { throw .empty }
            let timestamp = record.timestampMilliseconds
            let (text, count) = transcoder?.event(of: payload, received: timestamp) ?? (payload, 1)
            for copy in 0..<count {
                try engine.process(decode(text, uid: uid(record.offset, copy, place: 0), timestamp))
            }
        } catch {
            reject(record, error)
        }
        if engine.hasAlerts { collectAlerts() }
    }

    private func decode(_ text: UnsafeRawBufferPointer, uid: Slot, _ timestamp: Int64?) throws(EventError) -> EventView
    {
        let view = try plan.decoder.decode(text, fallbackUID: uid, fallbackTime: timestamp)
        if let timestamp, view.time > timestamp + settings.maximumAhead {
            throw .timeAhead(milliseconds: view.time - timestamp)
        }
        if !view[plan.identity].hasValue { withoutIdentity += 1 }
        return view
    }

    private func collectAlerts() {
        for alert in engine.takeAlerts() {
            metrics.alert(rule: alert.ruleName, status: alert.status)
            uncommittedAlerts += 1
            logger.notice("\(alert.message)", metadata: ["alert": "\(alert.id)", "rule": "\(alert.ruleName)"])
            guard let responder, alert.response != nil else {
                draft(alert)
                continue
            }
            let answer = responder.answer(alert, now: Responder.now())
            // First, because each record of the outbox is on its way before the next one.
            if let order = answer.order {
                drafts.append(
                    PartitionStore.Draft(
                        topic: responder.settings.ordersTopic, key: Array(order.key.utf8), payload: order.value,
                        headers: []))
            }
            if let entry = answer.entry { issued.append(entry) }
            draft(answer.alert)
            if let page = answer.page {
                metrics.alert(rule: page.ruleName, status: page.status)
                draft(page)
            }
        }
    }

    private func draft(_ alert: Alert) {
        drafts.append(
            PartitionStore.Draft(
                topic: settings.alertsTopic, key: Array((alert.identity ?? alert.id).utf8), payload: alert.ocsf(),
                headers: []))
    }

    private func reject(_ record: borrowing ConsumerRecord, _ error: EventError) {
        metrics.reject(error)
        var headers = record.allHeaders
        headers.append(("gatewatch.reason", Array(error.code.utf8)))
        headers.append(("gatewatch.detail", Array(error.description.utf8)))
        headers.append(("gatewatch.source", Array("\(partition)/\(record.offset)".utf8)))
        if let time = record.timestampMilliseconds { headers.append(("gatewatch.timestamp", Array(String(time).utf8))) }
        drafts.append(
            PartitionStore.Draft(
                topic: settings.rejectedTopic, key: record.key.map { Array($0) },
                payload: record.payload.map { Array($0) },
                headers: headers))
    }

    /// `partition:offset`, the id of an event that has none; `partition:offset.1` for the next of the events that one line of text
    /// stands for.
    private func uid(_ offset: Int64, _ copy: Int, place: Int) -> Slot {
        let start = place * Self.uidBytes
        var length = start
        func append(_ value: Int64) {
            ASCII.withDecimal(value) { digits in
                for digit in digits {
                    uidBuffer[length] = digit
                    length += 1
                }
            }
        }
        append(Int64(partition.partition))
        uidBuffer[length] = UInt8(ascii: ":")
        length += 1
        append(offset)
        if copy > 0 {
            uidBuffer[length] = UInt8(ascii: ".")
            length += 1
            append(Int64(copy))
        }
        return .string(UnsafeRawBufferPointer(rebasing: uidBuffer[start..<length]))
    }

    /// Whether something waits for late events.
    var isWaiting: Bool { engine.isWaiting }

    /// The partition has been silent for longer than the lateness: what waits for late events waits no more.
    func idle() {
        settle()
        engine.release()
        if engine.hasAlerts {
            collectAlerts()
            hasNews = true
        }
    }

    // MARK: Committing

    /// Writes state, offset and outgoing records in one transaction, then sends the records. Does nothing when nothing
    /// happened.
    ///
    /// - Throws: `PartitionStore.Fenced`, or the database's error; then nothing was written and nothing is lost, and the
    ///   next call tries again.
    func commit() throws {
        settle()
        if sender.hasFailed { sender.retry() }
        metrics.count(events: events, withoutIdentity: withoutIdentity)
        events = 0
        withoutIdentity = 0
        guard hasNews || sender.hasDelivered else { return }
        for change in engine.takeChanges() {
            pending[RowKey(state: change.state, key: change.key)] = .some(change.value)
        }
        let delivered = sender.takeDelivered()
        let began = ContinuousClock.now
        let outgoing: [PartitionStore.Outgoing]
        do {
            var commit = PartitionStore.Commit(
                nextOffset: nextOffset, newest: engine.newest == .min ? nil : engine.newest)
            commit.changes = pending.map { EngineChange(state: $0.key.state, key: $0.key.key, value: $0.value) }
            commit.drafts = drafts
            commit.issued = issued
            commit.issuedSince = Responder.now() - PartitionStore.booksMilliseconds
            commit.delivered = delivered
            commit.knownStates = forgetsUnknownStates ? engine.stateIDs : nil
            outgoing = try store.commit(commit)
        } catch {
            sender.keepDelivered(delivered)
            throw error
        }
        pending.removeAll(keepingCapacity: true)
        drafts.removeAll()
        issued.removeAll()
        forgetsUnknownStates = false
        committed(uncommitted, uncommittedAlerts)
        uncommitted = 0
        uncommittedAlerts = 0
        hasNews = false
        let took = began.duration(to: .now)
        metrics.committed(
            nanoseconds: took.components.seconds * 1_000_000_000 + took.components.attoseconds / 1_000_000_000)
        sender.send(outgoing)
    }

    /// The next offset to read, as far as it is committed here; for the group's own books.
    var committedOffset: Int64 { nextOffset }

    /// Goes on with another set of rules. Windows of rules that stay keep what they hold.
    func reload(_ plan: DetectorPlan) {
        settle()
        for change in engine.takeChanges() {
            pending[RowKey(state: change.state, key: change.key)] = .some(change.value)
        }
        let state = engine.snapshot()
        self.plan = plan
        engine = Engine(plan: plan, options: options)
        _ = engine.restore(state)
        forgetsUnknownStates = true
        hasNews = true
    }

    /// Records that Kafka has not confirmed.
    var waiting: Int { sender.waiting }

    func reportSize() {
        let size = engine.size()
        metrics.state(partition, bytes: size.bytes, cells: size.cells, keys: size.keys)
    }

    func close() {
        do {
            try store.close()
        } catch {
            logger.warning("the partition's state did not close cleanly: \(error)")
        }
    }
}
