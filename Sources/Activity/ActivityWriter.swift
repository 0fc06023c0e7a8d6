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

    /// What its events say of an identity, each of the latest one that says it.
    struct Profile {
        struct Field {
            var text: String?
            var at: Int64 = .min

            mutating func note(_ text: String?, _ at: Int64) {
                guard let text, at >= self.at else { return }
                self.text = text
                self.at = at
            }
        }

        var name = Field()
        var email = Field()
        /// JSON array.
        var groups = Field()
        var kind = Field()
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
    private let fields: EventFields
    private var transcoder: LineTranscoder?
    private let seed = UInt64.random(in: .min ... .max)
    private let operations: [UInt64: UInt8]
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
    package private(set) var counts = Counts()
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
                tally(view, partition.partition, hasOwnUID: isOwn)
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

    // MARK: Counting

    private func hash(_ slot: Slot, _ seed: UInt64) -> UInt64 {
        slot.withText { stableHash($0, seed: seed) } ?? seed
    }

    private func tally(_ view: EventView, _ partition: Int32, hasOwnUID: Bool) {
        if hasOwnUID {
            // The same in every process: these are stored.
            let hash = view.uid.withText { stableHash($0) } ?? 0
            guard recent.insert(hash) else {
                counts.repeated += 1
                return
            }
            rollup.events.append(hash)
        }
        counts.events += 1
        let time = view.time
        let hour = Rollup.hour(time)
        rollup.coverage[.init(hour: hour, partition: partition), default: .init()].events += 1

        let identity = identity(view)
        let connection = connection(view)
        let operation = operation(view)
        let decision = Decision(
            action: view.code(fields.action), disposition: view.code(fields.disposition),
            status: view.code(fields.status))
        let items = view.amount(fields.items)
        let bytesIn = view.amount(fields.bytesIn)
        let bytesOut = view.amount(fields.bytesOut)
        rollup.hours[
            .init(
                identity: identity, hour: hour, connection: connection, operation: operation,
                decision: decision.rawValue), default: .init()
        ].add(items: items, bytesIn: bytesIn, bytesOut: bytesOut)
        rollup.totals[
            .init(hour: hour, connection: connection, operation: operation, decision: decision.rawValue),
            default: .init()
        ].add(items: items, bytesIn: bytesIn, bytesOut: bytesOut)

        let isRefused = decision == .denied || decision == .approval
        session(view, identity, time, isRefused: isRefused, items: items, bytesOut: bytesOut)
        let isUnapproved =
            decision == .allowed && OperationTable.needsApproval[Int(operation)]
            && !view.firstValue(view[fields.approval]).hasText
        var first: Int32?
        reached(view, connection) { resource in
            if first == nil { first = resource }
            var sums =
                rollup.reach[.init(identity: identity, resource: resource, day: Rollup.day(time))]
                ?? .init(firstAt: time, lastAt: time)
            sums.firstAt = min(sums.firstAt, time)
            sums.lastAt = max(sums.lastAt, time)
            sums.events += 1
            sums.items += items
            sums.bytesOut += bytesOut
            if isRefused { sums.denied += 1 }
            if isUnapproved { sums.unapproved += 1 }
            rollup.reach[.init(identity: identity, resource: resource, day: Rollup.day(time))] = sums
        }
        if OperationTable.isChange[Int(operation)] {
            rollup.changes.append(
                .init(
                    event: view.uid.withText { CleanText.name($0, ActivityLimits.idBytes) } ?? "", at: time,
                    identity: identity, operation: operation, resource: first,
                    change: view.text(fields.change, ActivityLimits.idBytes),
                    approval: view.text(fields.approval, ActivityLimits.idBytes), decision: decision.rawValue))
        }
    }

    private func operation(_ view: EventView) -> UInt8 {
        let value = view.firstValue(view[fields.operation])
        guard value.hasText else {
            return view.code(fields.classUID) == 3002 ? OperationTable.logon : OperationTable.other
        }
        return operations[hash(value, seed)] ?? OperationTable.other
    }

    private func identity(_ view: EventView) -> Int32 {
        let value = view.firstValue(view[fields.identity])
        // As it is but for its length: alerts name it the same way.
        let number = identities.number(value.hasText ? hash(value, seed) : 0) {
            Identity(name: value.hasText ? value.withText { CleanText.cut($0, ActivityLimits.nameBytes) } ?? "" : "")
        }
        if identities[number].firstAt == .max { touched.append(number) }
        identities[number].firstAt = min(identities[number].firstAt, view.time)
        identities[number].lastAt = max(identities[number].lastAt, view.time)
        guard value.hasText else { return number }

        let (kind, type, name, mail) = (
            view.firstValue(view[fields.kind]), view.first(fields.userTypes), view.first(fields.names),
            view.first(fields.mails)
        )
        var profile = hash(kind, seed)
        profile = mix(profile ^ hash(type, seed), 0xA076_1D64_78BD_642F)
        profile = mix(profile ^ hash(name, seed), 0xE703_7ED1_A0B4_28DB)
        profile = mix(profile ^ hash(mail, seed), 0x8EBC_6AF0_9C88_C6E3)
        let groups = fields.groups.map { view[$0] }.first { $0.kind != .missing } ?? .missing
        _ = view.anyValue(groups) { group in
            profile = mix(profile ^ hash(group, seed), 0xA076_1D64_78BD_642F)
            return false
        }
        let hasGroups = fields.groupLists.contains { view[$0].hasValue }
        if hasGroups { profile = mix(profile, 0xE703_7ED1_A0B4_28DB) }
        if profile != identities[number].profileHash {
            identities[number].profileHash = profile
            note(
                number, view, kind: kind, type: type, name: name, mail: mail,
                groups: hasGroups || groups.kind != .missing ? groups : nil)
        }
        return number
    }

    /// Something about the identity is not as it was in its event before.
    private func note(
        _ number: Int32, _ view: EventView, kind: Slot, type: Slot, name: Slot, mail: Slot, groups: Slot?
    ) {
        func text(_ slot: Slot) -> String? { slot.hasText ? slot.withText { CleanText.name($0) } : nil }
        var profile = identities[number].profile ?? Profile()
        profile.name.note(text(name), view.time)
        profile.email.note(text(mail), view.time)
        switch (text(kind), type.number) {
        // OCSF user.type_id: 1 User, 2 Admin, 4 Service.
        case ("service"?, _), (nil, 4?): profile.kind.note("service", view.time)
        case ("human"?, _), (nil, 1?), (nil, 2?): profile.kind.note("human", view.time)
        default: break
        }
        if let groups {
            var names: [String] = []
            _ = view.anyValue(groups) { group in
                if group.hasText, let name = group.withText({ CleanText.name($0, 128) }) { names.append(name) }
                return names.count >= 256
            }
            profile.groups.note(Profile.json(names), view.time)
        }
        identities[number].profile = profile
    }

    private func connection(_ view: EventView) -> Int32 {
        let value = view.first(fields.connections)
        return connections.number(value.hasText ? hash(value, seed) : 0) {
            Connection(name: value.hasText ? value.withText { CleanText.name($0) } ?? "" : "")
        }
    }

    /// Calls `body` with each resource of the event.
    private func reached(_ view: EventView, _ connection: Int32, _ body: (Int32) -> Void) {
        let types = view[fields.resourceTypes]
        let names = view[fields.resourceNames]
        guard names.kind != .missing else { return }
        // A resource's type is the one in its place; where places do not fit (one lacks its type), the first.
        let isInPlace = count(names, view) == count(types, view)
        var place = 0
        _ = view.anyValue(names) { name in
            defer { place += 1 }
            guard name.hasText else { return false }
            let type = isInPlace ? value(place, of: types, view) : view.firstValue(types)
            let key = mix(hash(name, seed) ^ UInt64(UInt32(bitPattern: connection)), hash(type, ~seed) | 1)
            body(
                resources.number(key) {
                    Resource(
                        connection: connection, type: type.withText { CleanText.name($0, 128) } ?? "",
                        name: name.withText { CleanText.name($0) } ?? "")
                })
            return place + 1 >= settings.limits.resourcesOfEvent
        }
    }

    private func count(_ slot: Slot, _ view: EventView) -> Int {
        var count = 0
        _ = view.anyValue(slot) { _ in
            count += 1
            return false
        }
        return count
    }

    private func value(_ place: Int, of slot: Slot, _ view: EventView) -> Slot {
        var left = place
        var found = Slot.missing
        _ = view.anyValue(slot) { value in
            if left == 0 { found = value }
            left -= 1
            return left < 0
        }
        return found
    }

    private func session(
        _ view: EventView, _ identity: Int32, _ time: Int64, isRefused: Bool, items: Int64, bytesOut: Int64
    ) {
        let value = view.first(fields.sessions)
        guard value.hasText else { return }
        let key = Rollup.SessionKey(identity: identity, hash: hash(value, seed))
        var sums =
            rollup.sessions[key]
            ?? Rollup.SessionSums(
                session: value.withText { CleanText.name($0, ActivityLimits.idBytes) } ?? "", startedAt: .max,
                lastAt: .min)
        if time < sums.startedAt {
            sums.startedAt = time
            sums.address = view.text(fields.address, 64)
            sums.userAgent = view.text(fields.userAgent, ActivityLimits.nameBytes)
        }
        sums.lastAt = max(sums.lastAt, time)
        sums.events += 1
        if isRefused { sums.denied += 1 }
        sums.items += items
        sums.bytesOut += bytesOut
        rollup.sessions[key] = sums
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
