// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
package import GRDB
package import Kafka

/// Counts events into `activity.sqlite`: takes records one by one, adds them up in memory, and writes sums and offsets in one
/// transaction. For one thread.
///
/// An event counts in the hour and on the day of its own time, however late it comes. A record that is read again, and an event
/// that is sent again, change nothing.
package final class ActivityWriter {
    /// What an identity is called in its events.
    struct Identity {
        let name: String
        /// The row's id; 0 until it is known.
        var id: Int64 = 0
        var firstAt: Int64 = .max
        var lastAt: Int64 = .min
        var profileHash: UInt64 = 0
        var profile: Profile?
    }

    struct Connection {
        let name: String
        var id: Int64 = 0
        /// How many resources are known of it; nil until they were counted.
        var resources: Int?
    }

    struct Resource {
        let connection: Int32
        let type: String
        let name: String
        var id: Int64 = 0
    }

    /// A partition that is read.
    struct Position {
        /// As the database has it; nil where it has none.
        var stored: Int64?
        var next: Int64
        var isFirst = true
    }

    /// Since the writer was made.
    package struct Counts: Sendable, Equatable {
        package var events = 0
        package var unreadable = 0
        /// Events that were counted before.
        package var repeated = 0

        package init(events: Int = 0, unreadable: Int = 0, repeated: Int = 0) {
            self.events = events
            self.unreadable = unreadable
            self.repeated = repeated
        }
    }

    private static let largestTables = 1_000_000

    let database: any DatabaseWriter
    let settings: ActivitySettings
    let fields: EventFields
    private var transcoder: LineTranscoder?
    let seed = UInt64.random(in: .min ... .max)
    let operations: [UInt64: UInt8]
    private let uidBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 48, alignment: 8)

    var identities = NameTable<Identity>()
    var touched: [Int32] = []
    var connections = NameTable<Connection>()
    var resources = NameTable<Resource>()
    var positions: [TopicPartition: Position] = [:]
    var recent: RecentEvents
    var rollup = Rollup()
    /// Identities whose reach is full.
    var fullReach: Set<Int64> = []
    /// Rows of `identities` and `connections`; nil until they were counted.
    var identityRows: Int?
    var connectionRows: Int?

    /// Records since the last commit.
    package private(set) var pending = 0
    package internal(set) var counts = Counts()
    /// The last reason why an event could not be read.
    package private(set) var lastUnreadable: String?

    /// - Parameters:
    ///   - database: with the tables of ``ActivitySchema``.
    ///   - now: ms since the epoch; a line of text without a year is not later than this.
    /// - Throws: SQLite's error; `PCRE2`'s for a mapping's patterns; ``ActivityError`` when there is no memory.
    package init(database: any DatabaseWriter, settings: ActivitySettings, now: Int64) throws {
        guard let fields = EventFields(settings) else {
            throw ActivityError(path: "activity.sqlite", reason: "there is no memory for the decoder")
        }
        self.database = database
        self.settings = settings
        self.fields = fields
        transcoder = try settings.mapping.lines.map {
            try LineTranscoder($0, notAfter: now, limits: .init(maximumBytes: settings.maximumEventBytes))
        }
        let seed = seed
        operations = Dictionary(
            OperationTable.names.enumerated().map { index, name in
                (Array(name.utf8).withUnsafeBytes { stableHash($0, seed: seed) }, UInt8(index))
            }, uniquingKeysWith: { first, _ in first })
        recent = RecentEvents(generation: settings.limits.recentEvents)
        try reset()
    }

    deinit { uidBuffer.deallocate() }

    // MARK: Reading

    /// Where to read on in a partition: 0 where nothing of it was counted yet. Reading begins anew there.
    ///
    /// - Throws: SQLite's error.
    package func start(of partition: TopicPartition) throws -> Int64 {
        let stored = try database.read { db in
            try Int64.fetchOne(
                db, sql: "SELECT next_offset FROM positions WHERE topic = ? AND partition = ?",
                arguments: [partition.topic, partition.partition])
        }
        positions[partition] = Position(stored: stored, next: stored ?? 0)
        return stored ?? 0
    }

    /// The next offset to read of each partition, as of the last commit.
    package var offsets: [TopicPartition: Int64] { positions.compactMapValues(\.stored) }

    /// Takes one record. What cannot be read is counted as such.
    ///
    /// - Parameters:
    ///   - timestamp: the record's own time, ms since the epoch; nil if it has none.
    ///   - payload: nil for a tombstone.
    package func take(
        _ partition: TopicPartition, offset: Int64, timestamp: Int64?, payload: UnsafeRawBufferPointer?
    ) {
        var position = positions[partition] ?? Position(stored: nil, next: 0)
        // The first record may lie before what was asked for: then the topic was made anew.
        guard offset >= position.next || position.isFirst else { return }
        position.isFirst = false
        position.next = offset + 1
        positions[partition] = position
        pending += 1
        do throws(EventError) {
            guard let payload else { throw .empty }
            let (text, count) = transcoder?.event(of: payload, received: timestamp) ?? (payload, 1)
            for copy in 0..<count {
                let uid = uid(partition.partition, offset, copy)
                let view = try fields.decoder.decode(text, fallbackUID: uid, fallbackTime: timestamp)
                if let timestamp, view.time > timestamp + settings.maximumAhead {
                    throw .timeAhead(milliseconds: view.time - timestamp)
                }
                let isOwn = view.uid.kind != .string || view.uid.bytes.baseAddress != uid.bytes.baseAddress
                tally(view, partition.partition, timestamp: timestamp, hasOwnUID: isOwn)
            }
        } catch {
            counts.unreadable += 1
            lastUnreadable = "\(partition) at offset \(offset): \(error)"
            // Of a record without a time nothing is known about when.
            let hour = Rollup.hour(min(max(timestamp ?? 0, 0), Timestamp.maximum))
            rollup.coverage[.init(hour: hour, partition: partition.partition), default: .init()].unreadable += 1
        }
    }

    /// `partition:offset`, the id of an event that has none; `.1`, `.2` … behind it for the further events that one line stands for.
    private func uid(_ partition: Int32, _ offset: Int64, _ copy: Int) -> Slot {
        var length = 0
        func append(_ value: Int64) {
            ASCII.withDecimal(value) { digits in
                for digit in digits {
                    uidBuffer[length] = digit
                    length += 1
                }
            }
        }
        append(Int64(partition))
        uidBuffer[length] = UInt8(ascii: ":")
        length += 1
        append(offset)
        if copy > 0 {
            uidBuffer[length] = UInt8(ascii: ".")
            length += 1
            append(Int64(copy))
        }
        return .string(UnsafeRawBufferPointer(rebasing: uidBuffer[..<length]))
    }

    /// Somebody else reads these from now on.
    package func letGo(_ partitions: [TopicPartition]) {
        for partition in partitions { positions[partition] = nil }
    }

    // MARK: Committing

    /// Somebody else has written of the same partitions since: what was added up here may be counted there.
    package struct Overtaken: Error, CustomStringConvertible {
        let partition: TopicPartition
        package var description: String {
            "\(partition) was counted by another process that uses the same database; reading on where that one is. One hub has one state folder."
        }
    }

    /// Writes what was taken, in one transaction; nothing where nothing was.
    ///
    /// - Throws: ``Overtaken``, then ``reset()`` and begin anew at ``start(of:)``; or SQLite's error: then nothing was written and
    ///   nothing is lost, and the next call tries again.
    package func commit() throws {
        guard pending > 0 else { return }
        let written: RecentEvents.Written?
        do {
            written = try database.write { db in
                try RollupWriter(self, db).write()
                return try recent.write(rollup.events, in: db)
            }
        } catch {
            // Ids of rows that are not there now.
            forgetIDs()
            throw error
        }
        if let written { recent.written(written) }
        for (partition, position) in positions where position.next > 0 { positions[partition]?.stored = position.next }
        rollup.removeAll()
        for number in touched {
            identities[number].firstAt = .max
            identities[number].lastAt = .min
            identities[number].profile = nil
        }
        touched.removeAll(keepingCapacity: true)
        pending = 0
        if identities.count + resources.count > Self.largestTables { forgetNames() }
    }

    /// Forgets what was taken and not written, and where it was.
    ///
    /// - Throws: SQLite's error.
    package func reset() throws {
        rollup = Rollup()
        positions = [:]
        pending = 0
        forgetNames()
        try database.read { db in try recent.load(db) }
    }

    private func forgetNames() {
        identities.removeAll()
        connections.removeAll()
        resources.removeAll()
        touched.removeAll()
        fullReach.removeAll()
        identityRows = nil
        connectionRows = nil
    }

    private func forgetIDs() {
        identities.updateAll { $0.id = 0 }
        connections.updateAll {
            $0.id = 0
            $0.resources = nil
        }
        resources.updateAll { $0.id = 0 }
        fullReach.removeAll()
        identityRows = nil
        connectionRows = nil
    }
}
