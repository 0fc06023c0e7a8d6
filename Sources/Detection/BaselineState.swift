// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Baseline
import Sigma

/// What is usual for each group of one correlation: the totals of its windows' length, aligned to the epoch, as a series.
///
/// An event in bucket B is compared with what was learned of the buckets up to B - `lag`. These are complete whenever such an
/// event can come, so the order of events within the lateness does not matter.
///
/// A bucket in which the rule fired is not learned as it was (`SeriesBaseline.learn`). Bytes per group: 8, 12 for each bucket
/// that is open, of which there are at most `lag` + 2 + lateness / bucket, and from its first closed bucket on the series: 40, 420 with
/// the season.
final class BaselineState: StoredState {
    /// What every event of a group looks at; what is learned of it stands in `series`.
    private struct Row {
        /// Its list of open buckets.
        var open = OpenBuckets.none
        /// The peer group, -1 without one.
        var peers: Int32 = -1
    }

    let stateID: UInt64
    let keySpace: KeySpace
    let settings: BaselineSettings
    let rule: RuleExtension.Baseline
    let peers: PeerState?
    /// How many buckets before the event's the latest one lies that counts.
    private let lag: Int64
    @exclusivity(unchecked) private var rows: CellMap<Row>
    /// Of groups that have rows: what closed buckets have taught. A change is one of the row.
    @exclusivity(unchecked) private var series: CellMap<SeriesBaseline>
    @exclusivity(unchecked) private var open = OpenBuckets()
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
        series = CellMap(keySpace: keySpace)
    }

    deinit {
        rows.deallocate { _ in }
        series.deallocate { _ in }
        open.deallocate()
    }

    var count: Int { rows.count }
    var bytes: Int {
        var bytes = rows.bytes + open.bytes + series.bytes
        series.forEach { _, series in bytes += series.byteCount - MemoryLayout<SeriesBaseline>.stride }
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
        let isFirst = open.add(amount, to: number, of: key, isAlerted: isAlerted, head: &row.pointee.open)
        if isFirst { expectClose() }
        rows.touch(key)
    }

    private func expectClose() {
        guard let first = open.first else { return }
        clock._withUnsafeGuaranteedRef { $0.expect(closing: (first + lag) * bucket) }
    }

    /// Notes that the rule fired.
    func noteAlert(key: Int32, at time: Int64) {
        note(key: key, at: time, amount: 0, isAlerted: true)
    }

    /// No event before the clock's watermark comes any more: learns the buckets that are complete and with which every event
    /// to come is compared.
    func close() {
        let last = watermark / bucket - lag
        while let first = open.first, first <= last {
            open.close {
                rows.approach($0)
                series.approach($0)
            } _: { key, remove in
                if let row = rows.find(key), let bucket = remove(&row.pointee.open) { learn(key, row, bucket) }
            }
        }
        expectClose()
    }

    private var watermark: Int64 { clock._withUnsafeGuaranteedRef { $0.watermark } }

    private func learn(_ key: Int32, _ row: UnsafeMutablePointer<Row>, _ bucket: OpenBuckets.Bucket) {
        series.make(key, SeriesBaseline()).pointee
            .learn(bucket.total, bucket: bucket.number, isAlerted: bucket.isAlerted, settings)
        let group = row.pointee.peers
        if group >= 0 {
            hotPeers?._withUnsafeGuaranteedRef {
                $0.add(
                    bucket.total, member: stableHash(keySpace.bytes(of: key)), bucket: bucket.number, group: group,
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
        var series = series.find(key)?.pointee ?? SeriesBaseline()
        for open in buckets(row?.pointee.open ?? OpenBuckets.none) where open.number <= bucket - lag {
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

    /// The buckets of a list, in rising order.
    private func buckets(_ head: Int32) -> [OpenBuckets.Bucket] {
        var buckets: [OpenBuckets.Bucket] = []
        open.forEach(head: head) { buckets.append($0) }
        return buckets.reversed()
    }

    /// Forgets groups that have done nothing for three half-lives: what is known of them weighs next to nothing.
    func sweep(watermark: Int64) {
        guard watermark >= nextSweep else { return }
        nextSweep = watermark + max(3_600_000, settings.history / 16)
        let oldest = (watermark - 3 * settings.history) / settings.bucket
        rows.sweep { key, row in
            guard row.open == OpenBuckets.none, (series.find(key)?.pointee.lastBucket ?? .min) < oldest else {
                return false
            }
            series.remove(key)
            if row.peers >= 0 { self.peers?.keySpace.release(row.peers) }
            return true
        }
    }

    // MARK: Storing

    func takeChanges(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]?) -> Void) {
        rows.takeChanges({ encode($0, $1) }, body)
    }

    func discardChanges() {
        rows.discardChanges()
    }

    func forEach(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]) -> Void) {
        rows.forEach { key, row in body(keySpace.bytes(of: key), encode(key, row)) }
    }

    private func encode(_ key: Int32, _ row: Row) -> [UInt8] {
        var writer = ByteWriter()
        let known = series.find(key)
        writer.write(known?.pointee.lastBucket ?? .min)
        // Nothing while nothing has been learned.
        var series: [UInt8] = []
        known?.pointee.encode(into: &series)
        writer.write(block: series)
        writer.write(block: row.peers < 0 ? [] : peers.map { Array($0.keySpace.bytes(of: row.peers)) } ?? [])
        for bucket in buckets(row.open) {
            writer.write(bucket.number)
            writer.write(bucket.total)
            writer.write(UInt8(bucket.isAlerted ? 1 : 0))
        }
        return writer.bytes
    }

    func restore(
        key: Int32, _ reader: inout ByteReader, _ texts: inout LongEventIDs
    ) throws(ByteReader.Damaged) -> [Int64] {
        var row = Row()
        // Once the last bucket, which the series has too.
        _ = try reader.read(Int64.self)
        let known = try reader.readBlock()
        let series = known.withUnsafeBytes { SeriesBaseline(decoding: $0) }
        guard known.isEmpty || series != nil else { throw ByteReader.Damaged() }
        let group = try reader.readBlock()
        var buckets: [OpenBuckets.Bucket] = []
        while !reader.isAtEnd {
            let (number, total): (Int64, Double) = (try reader.read(), try reader.readDouble())
            let isAlerted = try reader.read(UInt8.self) == 1
            buckets.append(OpenBuckets.Bucket(number: number, total: total, isAlerted: isAlerted))
        }
        for bucket in buckets {
            let isFirst = open.add(
                bucket.total, to: bucket.number, of: key, isAlerted: bucket.isAlerted, head: &row.open)
            if isFirst { expectClose() }
        }
        if !group.isEmpty, let peers {
            row.peers = group.withUnsafeBytes { peers.keySpace.intern($0) }
            peers.keySpace.hold(row.peers)
        }
        rows.make(key, Row()).pointee = row
        if let series, series.lastBucket != .min { self.series.make(key, series).pointee = series }
        return []
    }
}
