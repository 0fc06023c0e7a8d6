// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

/// A record of the topic of recordings, copied out of Kafka's buffers.
package struct ReceivedRecording: Sendable {
    package var topic: String
    package var partition: Int32
    package var offset: Int64
    /// Nil for a tombstone.
    package var payload: [UInt8]?

    package init(topic: String, partition: Int32, offset: Int64, payload: [UInt8]?) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.payload = payload
    }
}

/// The recordings of a hub, each once by its uid, in a hash chain in the order in which they arrived. Safe on any thread; reading does
/// not wait for writing. Nothing here writes who looked at what: who hands contents to a person does that.
package struct RecordingStore: Sendable {
    let database: any DatabaseWriter

    /// Opens the file, makes it if it is not there.
    ///
    /// - Throws: SQLite's error.
    package init(path: String) throws {
        database = try RecordingSchema.open(path: path)
    }

    /// What one transaction did.
    package struct Outcome: Sendable, Equatable {
        package var stored = 0
        package var repeated = 0
        /// Records that were passed over: place and reason.
        package var unreadable: [String] = []
    }

    /// Where to read on, per topic and partition.
    ///
    /// - Throws: SQLite's error.
    package func positions(topic: String) throws -> [Int32: Int64] {
        try database.read { db in
            let rows = try Row.fetchAll(
                db, sql: "SELECT partition, next_offset FROM recording_positions WHERE topic = ?", arguments: [topic])
            return Dictionary(uniqueKeysWithValues: rows.map { ($0["partition"], $0["next_offset"]) })
        }
    }

    /// Takes records in, and notes where to read on, in one transaction.
    ///
    /// - Parameter now: ms since the epoch, UTC.
    /// - Throws: SQLite's error; nothing is stored then.
    package func store(_ records: [ReceivedRecording], now: Int64) throws -> Outcome {
        let compressor = Compressor()
        var outcome = Outcome()
        var positions: [String: [Int32: Int64]] = [:]
        var arrivals: [Arrival] = []
        // Read and compressed before the transaction: it holds the only writer.
        for record in records {
            positions[record.topic, default: [:]][record.partition] = record.offset + 1
            do throws(UnreadableRecording) {
                arrivals.append(try Arrival(record, compressor))
            } catch {
                outcome.unreadable.append(
                    "\(record.topic)/\(record.partition) at offset \(record.offset): \(error)")
            }
        }
        try database.write { db in
            var (sequence, previous) = try RecordingChain.end(in: db)
            // A clock that was set back must not hide rows from the cut.
            let latest = try Int64.fetchOne(
                db.cachedStatement(sql: "SELECT received_at FROM recordings ORDER BY sequence DESC LIMIT 1"))
            let now = max(now, latest ?? now)
            for arrival in arrivals {
                guard try !Self.has(arrival.recording.uid, in: db) else {
                    outcome.repeated += 1
                    continue
                }
                sequence += 1
                previous = RecordingChain.hash(
                    previous: previous, sequence: sequence, receivedAt: now, content: arrival.content)
                try Self.insert(arrival, sequence: sequence, receivedAt: now, hash: previous, in: db)
                outcome.stored += 1
            }
            for (topic, offsets) in positions {
                for (partition, offset) in offsets {
                    try db.cachedStatement(
                        sql: """
                            INSERT INTO recording_positions (topic, partition, next_offset) VALUES (?, ?, ?)
                            ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset
                            """
                    ).execute(arguments: [topic, partition, offset])
                }
            }
        }
        return outcome
    }

    /// A recording that was read and is ready to be stored.
    private struct Arrival {
        let recording: Recording
        let content: [UInt8]
        let compressed: [UInt8]

        init(_ record: ReceivedRecording, _ compressor: Compressor) throws(UnreadableRecording) {
            guard let payload = record.payload else {
                throw UnreadableRecording(description: "it has no payload (a tombstone)")
            }
            recording = try Recording(json: payload)
            content = payload
            guard let compressed = compressor.compress(payload) else {
                throw UnreadableRecording(description: "there is no memory to compress it")
            }
            self.compressed = compressed
        }
    }

    private static func has(_ uid: String, in db: Database) throws -> Bool {
        try Int.fetchOne(db.cachedStatement(sql: "SELECT 1 FROM recordings WHERE uid = ?"), arguments: [uid]) != nil
    }

    private static func insert(
        _ arrival: Arrival, sequence: Int64, receivedAt: Int64, hash: [UInt8], in db: Database
    ) throws {
        let recording = arrival.recording
        let columns = RecordingColumns(recording)
        let session = try RecordedSession.take(recording, in: db)
        try db.cachedStatement(
            sql: """
                INSERT INTO recordings (sequence, uid, at, received_at, identity, session_id, connection, operation, resource,
                    method, path, status, decision, items, request_bytes, response_bytes, hash, content_bytes, content)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(
            arguments: [sequence, recording.uid, recording.at, receivedAt, recording.identity, session]
                + columns.arguments + [hash.data, arrival.content.count, arrival.compressed.data])
        try db.cachedStatement(sql: "INSERT INTO recording_text (rowid, terms, words) VALUES (?, ?, ?)").execute(
            arguments: [sequence, SearchTerms.terms(recording), SearchTerms.words(recording)])
        try db.cachedStatement(
            sql: """
                INSERT INTO recording_hours (hour, first, last) VALUES (?, ?, ?)
                ON CONFLICT (hour) DO UPDATE SET last = excluded.last
                """
        ).execute(arguments: [recording.at / 3_600_000, sequence, sequence])
    }
}

/// The columns of a row that are copies of its content.
struct RecordingColumns: Equatable {
    let connection: String?
    let operation: String
    let resource: String?
    let method: String
    let path: String
    let status: Int
    let decision: String
    let items: Int?
    let requestBytes: Int64
    let responseBytes: Int64

    init(_ recording: Recording) {
        connection = recording.connection
        operation = recording.operation
        resource = recording.resources.first.map { "\($0.type):\($0.name)" }
        method = recording.method
        path = recording.path
        status = recording.status
        decision = recording.decision.rawValue
        items = recording.items
        requestBytes = recording.request.length
        responseBytes = recording.response.length
    }

    init(_ row: Row) {
        connection = row.text("connection")
        operation = row.text("operation") ?? ""
        resource = row.text("resource")
        method = row.text("method") ?? ""
        path = row.text("path") ?? ""
        status = Int(row.number("status") ?? -1)
        decision = row.text("decision") ?? ""
        items = row.number("items").map { Int($0) }
        requestBytes = row.number("request_bytes") ?? -1
        responseBytes = row.number("response_bytes") ?? -1
    }

    var arguments: StatementArguments {
        [connection, operation, resource, method, path, status, decision, items, requestBytes, responseBytes]
    }
}

extension Row {
    // Somebody may have put values of other types into a row, at which GRDB's own access stops the process.

    func number(_ column: String) -> Int64? { Int64.fromDatabaseValue(self[column]) }
    func text(_ column: String) -> String? { String.fromDatabaseValue(self[column]) }
    func bytes(_ column: String) -> [UInt8] { Data.fromDatabaseValue(self[column]).map { Array($0) } ?? [] }
}

extension [UInt8] {
    /// For SQLite.
    var data: Data { Data(self) }
}
