// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Sigma

/// Which members of a peer group have had a value of a `first_seen` rule (`peers`), or any value at all.
///
/// Counted by periods (hours, or longer ones if the lateness is); for an event in period p those up to p - 2 count: these are
/// complete whenever such an event can come, so the order of events does not matter. Of each key the 200 members seen last are kept, 12 bytes each: of larger groups a
/// share is one of these. Peers are those of the same partition.
final class FamiliarState: StoredState {
    private struct Member {
        var hash: UInt32
        var first: Int32
        var last: Int32
    }

    static let maximumMembers = 200

    /// The length of a period, ms: whole hours, at least the lateness.
    static func period(_ lateness: Int64) -> Int64 {
        max(1, (lateness + RatioState.hour - 1) / RatioState.hour) * RatioState.hour
    }

    let stateID: UInt64
    let keySpace: KeySpace
    /// ms.
    private let period: Int64
    /// In periods.
    private let history: Int32
    @exclusivity(unchecked) private var rows: CellMap<[Member]>
    private var nextSweep: Int64 = .min
    var sweepDue: Int64 { nextSweep }

    init(stateID: UInt64, keySpace: KeySpace, history: Int64, lateness: Int64) {
        self.stateID = stateID
        self.keySpace = keySpace
        period = Self.period(lateness)
        self.history = Int32(clamping: history / period + 1)
        rows = CellMap(keySpace: keySpace)
    }

    deinit {
        rows.deallocate { _ in }
    }

    var count: Int { rows.count }
    var bytes: Int {
        var bytes = rows.bytes
        rows.forEach { _, members in bytes += 32 + members.capacity * MemoryLayout<Member>.stride }
        return bytes
    }

    /// Notes that a member has had it.
    ///
    /// - Parameter place: where it stood among the members when it was noted last; where it stands now is written there.
    func note(key: Int32, member: UInt64, at time: Int64, place: inout UInt8) {
        let hash = UInt32(truncatingIfNeeded: member)
        let now = Int32(clamping: time / period)
        let members = rows.make(key, [])
        if let found = Self.find(hash, in: members.pointee, from: Int(place)) {
            place = UInt8(truncatingIfNeeded: found)
            let known = members.pointee[found]
            if now >= known.first, now <= known.last { return }
            // Who comes back after the history begins anew.
            let isAnew = now > known.last + history
            members.pointee[found].first = isAnew ? now : min(known.first, now)
            members.pointee[found].last = max(known.last, now)
        } else {
            members.pointee.append(Member(hash: hash, first: now, last: now))
            if members.pointee.count > Self.maximumMembers {
                let oldest = members.pointee.indices.min { members.pointee[$0].last < members.pointee[$1].last }
                if let oldest { members.pointee.remove(at: oldest) }
            }
        }
        rows.touch(key)
    }

    @inline(__always)
    private static func find(_ hash: UInt32, in members: [Member], from place: Int) -> Int? {
        members.withUnsafeBufferPointer { members in
            if place < members.count, members[place].hash == hash { return place }
            return members.firstIndex { $0.hash == hash }
        }
    }

    /// How many members besides one have had it within the history before an event.
    func others(key: Int32, besides member: UInt64, at time: Int64) -> Int {
        guard let members = rows.find(key)?.pointee else { return 0 }
        let hash = UInt32(truncatingIfNeeded: member)
        let now = Int32(clamping: time / period)
        return members.count { $0.hash != hash && $0.first <= now - 2 && $0.last >= now - history }
    }

    func sweep(watermark: Int64) {
        guard watermark >= nextSweep else { return }
        nextSweep = watermark + 24 * RatioState.hour
        let oldest = Int32(clamping: watermark / period) - history - 1
        rows.sweep { members in members.allSatisfy { $0.last < oldest } }
    }

    // MARK: Storing

    func takeChanges(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]?) -> Void) {
        rows.takeChanges({ encode($0) }, body)
    }

    func discardChanges() {
        rows.discardChanges()
    }

    func forEach(_ texts: LongEventIDs, _ body: (UnsafeRawBufferPointer, [UInt8]) -> Void) {
        rows.forEach { key, members in body(keySpace.bytes(of: key), encode(members)) }
    }

    private func encode(_ members: [Member]) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(UInt16(members.count))
        for member in members {
            writer.write(member.hash)
            writer.write(member.first)
            writer.write(member.last)
        }
        return writer.bytes
    }

    func restore(
        key: Int32, _ reader: inout ByteReader, _ texts: inout LongEventIDs
    ) throws(ByteReader.Damaged) -> [Int64] {
        var members: [Member] = []
        for _ in 0..<(try reader.read(UInt16.self)) {
            members.append(Member(hash: try reader.read(), first: try reader.read(), last: try reader.read()))
        }
        rows.make(key, []).pointee = members
        return []
    }
}
