// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Baseline
import Sigma

/// What is usual for each group of one correlation: the totals of its windows' length, aligned to the epoch, as a series.
///
/// An event in bucket B is compared with what was learned of the buckets up to B - `lag`. These are complete whenever such an
/// event can come, so the order of events within the lateness does not matter.
///
/// A bucket in which the rule fired is not learned as it was (`SeriesBaseline.learn`). Bytes per group: the series (about 60,
/// 420 with the season) and 24 for each bucket that is open, of which there are at most `lag` + 2 + lateness / bucket.
final class BaselineState: StoredState {
    private struct Row {
        var series = SeriesBaseline()
        /// Its list of open buckets.
        var open = OpenBuckets.none
        /// The peer group, -1 without one.
        var peers: Int32 = -1
    }

    /// Groups with an open bucket of this number: a list in `open`, in the order in which they came.
    private struct Opened {
        let bucket: Int64
        let first: Int32
        var last: Int32
    }

    let stateID: UInt64
    let keySpace: KeySpace
    let settings: BaselineSettings
    let rule: RuleExtension.Baseline
    let peers: PeerState?
    /// How many buckets before the event's the latest one lies that counts.
    private let lag: Int64
    @exclusivity(unchecked) private var rows: CellMap<Row>
    @exclusivity(unchecked) private var open = OpenBuckets()
    /// In rising order; few.
    @exclusivity(unchecked) private var opened: [Opened] = []
    private let clock: Unmanaged<BucketClock>
    /// The peers: nothing counts references to them for every event.
    private let hotPeers: Unmanaged<PeerState>?
    private let bucket: Int64
    private var nextSweep: Int64 = .min
    var sweepDue: Int64 { nextSweep }

    /// - Parameter clock: must live as long as this.
    init(
        stateID: UInt64, keySpace: KeySpace, rule: RuleExtension.Baseline, settings: BaselineSettings,
        peers: PeerState?, clock: BucketClock, lateness: Int64
    ) {
        self.stateID = stateID
        self.keySpace = keySpace
        self.rule = rule
        self.settings = settings
        self.peers = peers
        self.clock = .passUnretained(clock)
        hotPeers = peers.map { .passUnretained($0) }
        bucket = settings.bucket
        lag = 1 + (lateness + settings.bucket - 1) / settings.bucket
        rows = CellMap(keySpace: keySpace)
    }

    deinit {
        rows.deallocate { _ in }
        open.deallocate()
    }

    var count: Int { rows.count }
    var bytes: Int {
        var bytes = rows.bytes + open.bytes
        rows.forEach { _, row in bytes += row.series.byteCount - MemoryLayout<SeriesBaseline>.stride }
        return bytes
    }

    // MARK: Learning

    /// Says that an event of a key is about to be counted.
    @inline(__always)
    func approach(_ key: Int32) {
        rows.approach(key)
    }

    /// Notes which peer group an event names, before the event is judged.
    func join(key: Int32, group: Int32) {
        let row = rows.make(key, Row())
        if row.pointee.peers != group { join(row, key, group) }
    }

    private func join(_ row: UnsafeMutablePointer<Row>, _ key: Int32, _ group: Int32) {
        guard let peers else { return }
        peers.keySpace.hold(group)
        if row.pointee.peers >= 0 { peers.keySpace.release(row.pointee.peers) }
        row.pointee.peers = group
        rows.touch(key)
    }

    /// Counts an event towards its bucket: 1 for a count, else the number that is summed; `group` is the peer group that it
    /// names, -1 for none.
    func note(key: Int32, at time: Int64, amount: Double, isAlerted: Bool = false, group: Int32 = -1) {
        let number = time / bucket
        let row = rows.make(key, Row())
        if group >= 0, row.pointee.peers != group { join(row, key, group) }
        if let new = open.add(amount, to: number, of: key, isAlerted: isAlerted, head: &row.pointee.open) {
            expect(new, in: number)
        }
        rows.touch(key)
    }

    private func expect(_ place: Int32, in number: Int64) {
        var index = opened.count
        while index > 0, opened[index - 1].bucket > number { index -= 1 }
        if index > 0, opened[index - 1].bucket == number {
            open.link(opened[index - 1].last, to: place)
            opened[index - 1].last = place
            return
        }
        opened.insert(Opened(bucket: number, first: place, last: place), at: index)
        if index == 0 { expectClose() }
    }

    private func expectClose() {
        guard let first = opened.first else { return }
        clock._withUnsafeGuaranteedRef { $0.expect(closing: (first.bucket + lag) * bucket) }
    }

    /// Notes that the rule fired.
    func noteAlert(key: Int32, at time: Int64) {
        note(key: key, at: time, amount: 0, isAlerted: true)
    }

    /// No event before the clock's watermark comes any more: learns the buckets that are complete and with which every event
    /// to come is compared.
    func close() {
        guard let first = opened.first else { return }
        let last = watermark / bucket - lag
        if first.bucket <= last {
            var closed = 0
            while closed < opened.count, opened[closed].bucket <= last {
                var place = opened[closed].first
                while place != OpenBuckets.none {
                    let (key, next) = open.owner(of: place)
                    learn(key, opened[closed].bucket)
                    place = next
                }
                closed += 1
            }
            opened.removeFirst(closed)
        }
        expectClose()
    }

    private var watermark: Int64 { clock._withUnsafeGuaranteedRef { $0.watermark } }

    private func learn(_ key: Int32, _ number: Int64) {
        guard let row = rows.find(key), let first = open.removeFirst(number, head: &row.pointee.open) else { return }
        row.pointee.series.learn(first.total, bucket: number, isAlerted: first.isAlerted, settings)
        let group = row.pointee.peers
        if group >= 0 {
            hotPeers?._withUnsafeGuaranteedRef {
                $0.add(
                    first.total, member: stableHash(keySpace.bytes(of: key)), bucket: number, group: group,
                    watermark: watermark)
            }
        }
        rows.touch(key)
    }

    // MARK: Judging

    /// Whether a value that keeps the rule's condition also stands out, and the numbers for the alert.
    func judge(key: Int32, value: Double, at time: Int64) -> (standsOut: Bool, words: Alert.Baseline) {
        let bucket = time / settings.bucket
        let row = rows.find(key)
        var series = row?.pointee.series ?? SeriesBaseline()
        open.forEach(head: row?.pointee.open ?? OpenBuckets.none) { open in
            if open.number > bucket - lag { return }
            series.learn(open.total, bucket: open.number, isAlerted: open.isAlerted, settings)
        }
        let own = series.judge(value, bucket: bucket, settings)
        var words = Alert.Baseline(
            expected: own.expected, low: own.usual.lowerBound, high: own.usual.upperBound, limit: own.high,
            isLearning: own.isLearning, isSeasonal: settings.season != .none, nextPeer: nil, members: nil)
        var peersSay: Bool?
        if let group = row?.pointee.peers, group >= 0, let block = rule.peers,
            let sketch = peers?.sketch(group: group, at: time, watermark: watermark)
        {
            let members = sketch.members
            if members >= block.minimum {
                peersSay = value >= block.ratio * sketch.quantile(block.quantile)
                words.members = members
                words.nextPeer = sketch.highest(besides: stableHash(keySpace.bytes(of: key)))?.value
            }
        }
        let standsOut: Bool
        if own.isLearning {
            switch rule.coldStart {
            case .silent: standsOut = false
            case .peers: standsOut = peersSay ?? false
            case .floor: standsOut = true
            }
        } else if let peersSay, let block = rule.peers {
            standsOut = block.combine == .and ? own.deviates && peersSay : own.deviates || peersSay
        } else {
            standsOut = own.deviates
        }
        return (standsOut, words)
    }

    /// Forgets groups that have done nothing for three half-lives: what is known of them weighs next to nothing.
    func sweep(watermark: Int64) {
        guard watermark >= nextSweep else { return }
        nextSweep = watermark + max(3_600_000, settings.history / 16)
        let oldest = (watermark - 3 * settings.history) / settings.bucket
        rows.sweep { row in
            guard row.open == OpenBuckets.none, row.series.lastBucket < oldest else { return false }
            if row.peers >= 0 { self.peers?.keySpace.release(row.peers) }
            return true
        }
    }

    // MARK: Storing

    func takeChanges(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]?) -> Void) {
        rows.takeChanges({ encode($0) }, body)
    }

    func discardChanges() {
        rows.discardChanges()
    }

    func forEach(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]) -> Void) {
        rows.forEach { key, row in body(keySpace.bytes(of: key), encode(row)) }
    }

    private func encode(_ row: Row) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(row.series.lastBucket)
        var series: [UInt8] = []
        row.series.encode(into: &series)
        writer.write(block: series)
        writer.write(block: row.peers < 0 ? [] : peers.map { Array($0.keySpace.bytes(of: row.peers)) } ?? [])
        open.forEach(head: row.open) {
            writer.write($0.number)
            writer.write($0.total)
            writer.write(UInt8($0.isAlerted ? 1 : 0))
        }
        return writer.bytes
    }

    func restore(
        key: Int32, _ reader: inout ByteReader, _ texts: inout LongEventIDs
    ) throws(ByteReader.Damaged) -> [Int64] {
        var row = Row()
        // Once the last bucket, which the series has too.
        _ = try reader.read(Int64.self)
        guard let series = try reader.readBlock().withUnsafeBytes({ SeriesBaseline(decoding: $0) }) else {
            throw ByteReader.Damaged()
        }
        row.series = series
        let group = try reader.readBlock()
        var buckets: [OpenBuckets.Bucket] = []
        while !reader.isAtEnd {
            let (number, total): (Int64, Double) = (try reader.read(), try reader.readDouble())
            let isAlerted = try reader.read(UInt8.self) == 1
            guard open.canHold(number) else { throw ByteReader.Damaged() }
            buckets.append(OpenBuckets.Bucket(number: number, total: total, isAlerted: isAlerted))
        }
        for bucket in buckets {
            let new = open.add(
                bucket.total, to: bucket.number, of: key, isAlerted: bucket.isAlerted, head: &row.open)
            if let new { expect(new, in: bucket.number) }
        }
        if !group.isEmpty, let peers {
            row.peers = group.withUnsafeBytes { peers.keySpace.intern($0) }
            peers.keySpace.hold(row.peers)
        }
        rows.make(key, Row()).pointee = row
        return []
    }
}
