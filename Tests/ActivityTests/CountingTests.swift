// SPDX-License-Identifier: Apache-2.0

import Activity
import AuditEvent
import Fixtures
import Foundation
import GRDB
import Kafka
import Testing

@Suite struct CountingTests {
    private static let fixture = try? FixtureDay(normalIdentities: 40)

    private func events() throws -> [(partition: Int32, json: [UInt8])] {
        try #require(Self.fixture).events.map { event in
            (Int32(event.identity.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xFFFF } % 3), event.json)
        }
    }

    /// What SQLite's JSON functions find in the same events.
    private func computed(_ events: [[UInt8]], _ sql: String) throws -> [String] {
        let queue = try DatabaseQueue()
        return try queue.write { db in
            try db.execute(sql: "CREATE TABLE raw (json TEXT)")
            let statement = try db.makeStatement(sql: "INSERT INTO raw VALUES (?)")
            for event in events { try statement.execute(arguments: [String(decoding: event, as: UTF8.self)]) }
            try db.execute(
                sql: """
                    CREATE TABLE e AS SELECT
                        coalesce(json ->> '$.actor.user.uid', json ->> '$.user.uid') AS identity,
                        json ->> '$.time' AS time,
                        coalesce(json ->> '$.api.operation', 'logon') AS operation,
                        coalesce(json ->> '$.api.service.name', json ->> '$.service.name') AS connection,
                        CASE WHEN json ->> '$.action_id' = 2 THEN 'denied' WHEN json ->> '$.status_id' = 2 THEN 'failed'
                            ELSE 'allowed' END AS decision,
                        coalesce(json ->> '$.unmapped.items', 0) AS items,
                        coalesce(json ->> '$.http_request.length', 0) AS bytes_in,
                        coalesce(json ->> '$.http_response.length', 0) AS bytes_out,
                        json ->> '$.resources[0].type' AS type, json ->> '$.resources[0].name' AS name,
                        coalesce(json ->> '$.actor.session.uid', json ->> '$.session.uid') AS session,
                        json ->> '$.unmapped.approval_id' AS approval, json ->> '$.unmapped.change_id' AS change,
                        json ->> '$.metadata.uid' AS uid
                    FROM raw
                    """)
            return try Row.fetchAll(db, sql: sql).map { row in
                row.databaseValues.map { $0.isNull ? "-" : String.fromDatabaseValue($0) ?? "\($0)" }.joined(
                    separator: " ")
            }
        }
    }

    @Test func theTablesSayWhatTheEventsSay() throws {
        let book = try Book()
        let events = try events()
        for event in events { book.take(event.json, partition: event.partition) }
        try book.writer.commit()
        #expect(book.writer.counts == ActivityWriter.Counts(events: events.count))
        let raw = events.map(\.json)

        #expect(
            try book.rows(
                """
                SELECT identity, hour, connections.name, operation, decision, events, items, bytes_in, bytes_out FROM hours
                JOIN identities ON identities.id = identity_id JOIN connections ON connections.id = connection_id
                ORDER BY 1, 2, 3, 4, 5
                """)
                == computed(
                    raw,
                    """
                    SELECT identity, time / 3600000, connection, operation, decision, count(*), sum(items), sum(bytes_in),
                        sum(bytes_out)
                    FROM e GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
                    """))
        #expect(
            try book.rows(
                """
                SELECT hour, connections.name, operation, decision, events, items, bytes_in, bytes_out FROM hour_totals
                JOIN connections ON connections.id = connection_id ORDER BY 1, 2, 3, 4
                """)
                == computed(
                    raw,
                    """
                    SELECT time / 3600000, connection, operation, decision, count(*), sum(items), sum(bytes_in), sum(bytes_out)
                    FROM e GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
                    """))
        let sums = """
            count(*), sum(items), sum(bytes_out), sum(decision = 'denied'),
            sum(decision = 'allowed' AND approval IS NULL AND operation IN ('checkpoint.download', 'checkpoint.upload',
                'corpus.read', 'corpus.write', 'vectors.export'))
            """
        #expect(
            try book.rows(
                """
                SELECT identity, connections.name, type, resources.name, reach.first_at, reach.last_at, events, items,
                    bytes_out, denied, unapproved
                FROM reach JOIN identities ON identities.id = identity_id JOIN resources ON resources.id = resource_id
                    JOIN connections ON connections.id = connection_id
                ORDER BY 1, 2, 3, 4
                """)
                == computed(
                    raw,
                    """
                    SELECT identity, connection, type, name, min(time), max(time), \(sums) FROM e WHERE name IS NOT NULL
                    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
                    """))
        #expect(
            try book.rows(
                """
                SELECT day, identity, connections.name, type, resources.name, events, items, bytes_out, denied, unapproved
                FROM reach_days JOIN identities ON identities.id = identity_id JOIN resources ON resources.id = resource_id
                    JOIN connections ON connections.id = connection_id
                ORDER BY 1, 2, 3, 4, 5
                """)
                == computed(
                    raw,
                    """
                    SELECT time / 86400000, identity, connection, type, name, \(sums) FROM e WHERE name IS NOT NULL
                    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
                    """))
        #expect(
            try book.rows(
                """
                SELECT identity, session, started_at, sessions.last_at, events, denied, items, bytes_out FROM sessions
                JOIN identities ON identities.id = identity_id ORDER BY 1, 2
                """)
                == computed(
                    raw,
                    """
                    SELECT identity, session, min(time), max(time), count(*), sum(decision = 'denied'), sum(items),
                        sum(bytes_out)
                    FROM e WHERE session <> '' GROUP BY 1, 2 ORDER BY 1, 2
                    """))
        let changes = try book.rows(
            """
            SELECT event_id, at, identity, operation, resources.name, change_id, approval_id FROM changes
            JOIN identities ON identities.id = identity_id JOIN resources ON resources.id = resource_id ORDER BY event_id
            """)
        #expect(changes.count > 5)
        #expect(
            try changes
                == computed(
                    raw,
                    """
                    SELECT uid, time, identity, operation, name, change, approval FROM e
                    WHERE operation IN ('config.change', 'policy.change', 'collection.change') ORDER BY uid
                    """))
    }

    @Test func theOrderOfEventsAndTheSizeOfCommitsDoNotMatter() throws {
        let events = Array(try events().prefix(4_000))
        let inOrder = try Book()
        for event in events { inOrder.take(event.json, partition: event.partition) }
        try inOrder.writer.commit()
        let expected = try inOrder.contents()
        #expect(expected.count > 500)

        let shuffled = try Book()
        var generator = SystemRandomNumberGenerator()
        for event in events.shuffled(using: &generator) {
            shuffled.take(event.json, partition: event.partition)
            if Int.random(in: 0..<200) == 0 { try shuffled.writer.commit() }
            // A process that ends between commits reads from the last one on; here it ends right behind one.
            if Int.random(in: 0..<1_000) == 0 {
                try shuffled.writer.commit()
                try shuffled.restart()
            }
        }
        try shuffled.writer.commit()
        #expect(try shuffled.contents() == expected)
    }

    @Test func whatIsReadOrSentAgainChangesNothing() throws {
        let book = try Book()
        let event = Event()
        book.take(event)
        try book.writer.commit()
        let once = try book.contents()
        let offsets = try book.rows("SELECT * FROM positions")
        // The same record, in this process and in the next.
        book.take(event.json, offset: 0)
        try book.restart()
        try book.writer.commit()
        #expect(try book.rows("SELECT * FROM positions") == offsets)
        // The same event sent again: another offset, the same id; also by a process that has only the database.
        book.take(event)
        try book.writer.commit()
        try book.restart()
        book.take(event)
        try book.writer.commit()
        #expect(book.writer.counts.repeated == 1)
        #expect(try book.contents() == once)
        #expect(try book.rows("SELECT next_offset FROM positions") == ["3"])
        // Events without an id are known by their place only.
        var bare = Event()
        bare.uid = nil
        book.take(bare)
        book.take(bare)
        try book.writer.commit()
        #expect(try book.rows("SELECT sum(events) FROM hours") == ["3"])
    }

    @Test func idsOfEventsAreForgottenByTheirNumber() throws {
        let book = try Book { $0.limits.recentEvents = 4 }
        var events: [Event] = []
        for number in 0..<9 {
            var event = Event()
            event.uid = "e\(number)"
            events.append(event)
            book.take(event)
            try book.writer.commit()
        }
        // Of nine the last four are surely known, the first one is not.
        for event in events.suffix(4) { book.take(event) }
        #expect(book.writer.counts.repeated == 4)
        book.take(events[0])
        #expect(book.writer.counts.repeated == 4)
        try book.writer.commit()
        #expect(try book.rows("SELECT sum(length(hashes)) / 8 <= 12 FROM recent_events") == ["1"])
    }

    @Test func aProcessThatEndsBetweenCommitsLosesAndDoublesNothing() throws {
        let events = Array(try events().prefix(1_000))
        let whole = try Book()
        for event in events { whole.take(event.json) }
        try whole.writer.commit()

        let book = try Book()
        for (offset, event) in events.prefix(700).enumerated() {
            book.take(event.json)
            if offset == 399 { try book.writer.commit() }
        }
        // Killed: the three hundred since are read again.
        try book.restart()
        #expect(try book.writer.start(of: TopicPartition(topic: topic, partition: 0)) == 400)
        for (offset, event) in events.enumerated().dropFirst(400) { book.take(event.json, offset: Int64(offset)) }
        try book.writer.commit()
        #expect(try book.contents() == whole.contents())
    }

    @Test func aTransactionThatFailsIsWrittenByTheNext() throws {
        let book = try Book()
        book.take(Event())
        try book.writer.commit()
        try book.database.write {
            try $0.execute(
                sql: """
                    CREATE TRIGGER full BEFORE INSERT ON coverage BEGIN SELECT RAISE(ABORT, 'the disk is full'); END
                    """)
        }
        var other = Event()
        other.identity = "ben"
        other.connection = "registry"
        other.resources = [("checkpoint", "llm")]
        book.take(other)
        #expect(throws: DatabaseError.self) { try book.writer.commit() }
        #expect(try book.rows("SELECT identity FROM identities") == ["ana"])
        try book.database.write { try $0.execute(sql: "DROP TRIGGER full") }
        book.take(Event())
        try book.writer.commit()
        #expect(try book.rows("SELECT identity FROM identities ORDER BY 1") == ["ana", "ben"])
        #expect(
            try book.rows(
                "SELECT connections.name, events FROM hour_totals JOIN connections ON connections.id = connection_id ORDER BY 1"
            ) == ["registry 1", "vectors-prod 2"])
        #expect(try book.rows("SELECT next_offset FROM positions") == ["3"])
    }

    @Test func twoWritersOfOneDatabaseDoNotCountTwice() throws {
        let book = try Book()
        let partition = TopicPartition(topic: topic, partition: 0)
        let other = try ActivityWriter(database: book.database, settings: book.settings, now: 0)
        _ = try book.writer.start(of: partition)
        _ = try other.start(of: partition)
        book.take(Event())
        Event().json.withUnsafeBytes { other.take(partition, offset: 0, timestamp: nil, payload: $0) }
        try book.writer.commit()
        #expect(throws: ActivityWriter.Overtaken.self) { try other.commit() }
        #expect(try book.rows("SELECT sum(events) FROM hours") == ["1"])
        try other.reset()
        #expect(try other.start(of: partition) == 1)
    }
}
