// SPDX-License-Identifier: Apache-2.0

import Activity
import AuditEvent
import Foundation
import GRDB
import Kafka
import Paging
import Testing

@Suite struct EdgeTests {
    @Test func hoursAndDaysAreThoseOfUTC() throws {
        let book = try Book()
        // The night in which Berlin's clocks go back (2026-10-25T01:00Z): the hour that is shown twice is two hours here.
        let change: Int64 = 1_792_890_000_000
        for time in [midnight - 1, midnight, change - 1, change, change + hour - 1, change + hour] {
            var event = Event()
            event.time = time
            book.take(event)
        }
        try book.writer.commit()
        let hours = [change / hour - 1, change / hour, change / hour + 1, midnight / hour - 1, midnight / hour]
        #expect(
            try book.rows("SELECT hour, events FROM hours ORDER BY hour")
                == zip(hours, [1, 2, 1, 1, 1]).map { "\($0) \($1)" })
        #expect(
            try book.rows("SELECT day, events FROM reach_days ORDER BY day")
                == ["\(change / day) 4", "\(midnight / day - 1) 1", "\(midnight / day) 1"])
    }

    @Test func whatCannotBeReadIsCountedInTheHourOfItsRecord() throws {
        let book = try Book { $0.maximumEventBytes = 4096 }
        let stamp = midnight + 5 * hour
        var ahead = Event()
        ahead.time = stamp + 600_000
        var tooFarAhead = Event()
        tooFarAhead.time = stamp + 600_001
        var large = Event()
        large.address = String(repeating: "1", count: 5000)
        for payload in [nil, [], Array("{".utf8), Array("[1]".utf8), [0xFF], tooFarAhead.json, large.json] as [[UInt8]?]
        {
            book.take(payload, partition: 1, timestamp: stamp)
        }
        book.take(ahead.json, partition: 1, timestamp: stamp)
        try book.writer.commit()
        #expect(book.writer.counts == .init(events: 1, unreadable: 7))
        #expect(
            try book.rows("SELECT hour, partition, events, unreadable FROM coverage") == ["\(stamp / hour) 1 1 7"])
        #expect(try book.rows("SELECT partition, next_offset FROM positions") == ["1 8"])
    }

    @Test func anEventIsLateWhoseRecordIsMoreThanAMinuteYounger() throws {
        let book = try Book()
        for (uid, delay) in [("a", 60_000), ("b", 60_001), ("c", -60_001), ("b", 90_000)] {
            var event = Event()
            event.uid = uid
            book.take(event.json, timestamp: event.time + Int64(delay))
        }
        // A record without a time says nothing.
        book.take(Event())
        try book.writer.commit()
        #expect(try book.rows("SELECT events, late FROM coverage") == ["4 1"])
        var event = Event()
        event.uid = "d"
        book.take(event.json, timestamp: event.time + day)
        try book.writer.commit()
        #expect(try book.rows("SELECT events, late FROM coverage") == ["5 2"])
    }

    @Test func whatARequestCameToIsOneOfFour() throws {
        let book = try Book()
        for (action, disposition, status, operation) in [
            (1, 1, 1, "vectors.query"), (4, 11, 1, "vectors.query"), (2, 2, 2, "vectors.query"),
            (2, 99, 2, "vectors.query"),
            (2, 6, 2, "vectors.query"), (1, 1, 2, "vectors.query"), (0, 23, 2, "vectors.query"), (1, 1, 1, "made.up"),
        ] {
            var event = Event()
            (event.action, event.disposition, event.status, event.operation) = (action, disposition, status, operation)
            book.take(event)
        }
        try book.writer.commit()
        #expect(
            try book.rows("SELECT operation, decision, events FROM hours ORDER BY 1, 2")
                == [
                    "other allowed 1", "vectors.query allowed 2", "vectors.query approval 1", "vectors.query denied 2",
                    "vectors.query failed 2",
                ])
        #expect(try book.rows("SELECT denied FROM reach") == ["3"])
        #expect(try book.rows("SELECT denied FROM sessions") == ["3"])
    }

    @Test func approvalsAreMissedWhereOneIsExpected() throws {
        let book = try Book()
        let cases: [(String, String?, Int)] = [
            ("checkpoint.download", nil, 1), ("checkpoint.download", "", 1), ("checkpoint.download", "apr-1", 1),
            ("checkpoint.download", nil, 2), ("checkpoint.list", nil, 1), ("corpus.read", nil, 1),
            ("vectors.export", nil, 1), ("vectors.query", nil, 1),
        ]
        for (operation, approval, action) in cases {
            var event = Event()
            (event.operation, event.approval, event.action) = (operation, approval, action)
            event.resources = [("thing", operation)]
            book.take(event)
        }
        try book.writer.commit()
        #expect(
            try book.rows("SELECT name, unapproved FROM reach JOIN resources ON resources.id = resource_id ORDER BY 1")
                == [
                    "checkpoint.download 2", "checkpoint.list 0", "corpus.read 1", "vectors.export 1",
                    "vectors.query 0",
                ])
    }

    @Test func namesFromOutsideAreCutAndCleaned() throws {
        let book = try Book()
        var event = Event()
        event.identity = "ana\u{202E}\n"
        event.resources = [("col\u{1B}lection", String(repeating: "é", count: 300)), ("", "")]
        event.connection = String(repeating: "c", count: 10_000)
        event.session = String(repeating: "s", count: 10_000)
        event.groups = ["a\"b", "c\u{0}d"]
        book.take(event)
        try book.writer.commit()
        // As alerts name it; who shows it escapes it.
        #expect(try book.rows("SELECT identity FROM identities") == ["ana\u{202E}\n"])
        #expect(try book.rows("SELECT groups FROM identities") == [#"["a\"b","c�d"]"#])
        #expect(
            try book.rows("SELECT type, name FROM resources") == [
                "col\u{FFFD}lection " + String(repeating: "é", count: 256)
            ])
        #expect(try book.rows("SELECT length(name) FROM connections") == ["512"])
        #expect(try book.rows("SELECT length(session) FROM sessions") == ["256"])
    }

    @Test func amountsThatAreNoneCountAsNothing() throws {
        let book = try Book()
        for amount in ["-5", "\"x\"", "null", "1e300", "99999999999999999999", "{}", "7.9", "\"12\""] {
            var event = Event()
            event.items = amount
            event.bytesOut = amount
            book.take(event)
        }
        try book.writer.commit()
        let most: Int64 = 1 << 44
        #expect(try book.rows("SELECT events, items, bytes_out FROM hours") == ["8 \(2 * most + 19) \(2 * most + 19)"])
        #expect(book.writer.counts.unreadable == 0)
    }

    @Test func eventsWithoutIdentityConnectionOrResourceCountUnderNoName() throws {
        let book = try Book()
        book.take(Array(#"{"time":\#(midnight),"class_uid":3002,"status_id":2,"metadata":{"uid":"x"}}"#.utf8))
        try book.writer.commit()
        #expect(
            try book.rows(
                """
                SELECT identity, connections.name, operation, decision, events FROM hours
                JOIN identities ON identities.id = identity_id JOIN connections ON connections.id = connection_id
                """) == ["  logon failed 1"])
        #expect(try book.rows("SELECT count(*) FROM reach") == ["0"])
        #expect(try book.store.read { try ActivityStore.identities(in: $0).items }.isEmpty)
    }

    @Test func eachResourceOfAnEventHasItsType() throws {
        let book = try Book()
        var event = Event()
        event.resources = [("checkpoint", "a"), ("corpus", "b")] + (0..<20).map { ("model", "m\($0)") }
        book.take(event)
        try book.writer.commit()
        #expect(
            try book.rows("SELECT type, name FROM resources ORDER BY id")
                == ["checkpoint a", "corpus b"] + (0..<6).map { "model m\($0)" })
    }

    @Test func whatIsBeyondALimitCountsUnderOneName() throws {
        let book = try Book {
            $0.limits.identities = 3
            $0.limits.connections = 2
            $0.limits.resources = 3
            $0.limits.reach = 2
            $0.limits.sessions = 2
        }
        // Each in a commit of its own and once more all together: the same names either way.
        for round in 0..<2 {
            for number in 0..<6 {
                var event = Event()
                event.resources = [("collection", "c\(number)")]
                event.session = "s\(number)"
                book.take(event)
                if round == 0 { try book.writer.commit() }
            }
            try book.writer.commit()
        }
        #expect(
            try book.rows("SELECT name, events FROM reach JOIN resources ON resources.id = resource_id ORDER BY 1")
                == ["(others) 8", "c0 2", "c1 2"])
        #expect(try book.rows("SELECT name FROM resources ORDER BY 1") == ["(others)", "c0", "c1", "c2"])
        #expect(try book.rows("SELECT session, events FROM sessions ORDER BY 1") == ["(others) 8", "s0 2", "s1 2"])
        #expect(try book.rows("SELECT sum(events) FROM reach_days") == ["12"])

        for number in 0..<5 {
            var event = Event()
            event.identity = "i\(number)"
            event.connection = "n\(number)"
            book.take(event)
        }
        try book.writer.commit()
        #expect(try book.rows("SELECT identity FROM identities ORDER BY 1") == ["(others)", "ana", "i0", "i1"])
        #expect(try book.rows("SELECT name FROM connections ORDER BY 1") == ["(others)", "n0", "vectors-prod"])
        #expect(try book.rows("SELECT sum(events) FROM hours") == ["17"])
    }

    @Test func anIdentityIsAsItsLatestEventSays() throws {
        let directory = try IdentityDirectory(
            text: "uid,aliases,kind\nana,ana@example.com,human\nsvc-1,,service\n", file: "identities.csv")
        let book = try Book { $0.directory = directory }
        func take(_ identity: String, _ time: Int64, _ groups: [String]?) {
            var event = Event()
            (event.identity, event.time, event.groups) = (identity, time, groups)
            book.take(event)
        }
        take("ana", midnight + 2, ["ml", "new"])
        take("ana@example.com", midnight + 1, ["old"])
        take("svc-1", midnight, nil)
        try book.writer.commit()
        take("ana", midnight, ["older"])
        take("ana", midnight + 2, nil)
        try book.writer.commit()
        #expect(
            try book.rows("SELECT identity, groups, kind, first_at, last_at FROM identities ORDER BY 1")
                == [
                    #"ana ["ml","new"] human \#(midnight) \#(midnight + 2)"#, "svc-1 - service \(midnight) \(midnight)",
                ])
        take("ana", midnight + 3, [])
        try book.writer.commit()
        #expect(try book.rows("SELECT groups FROM identities WHERE identity = 'ana'") == ["[]"])
    }

    @Test func aSessionIsWhereItBegan() throws {
        let book = try Book()
        for (time, address) in [(5, "10.0.0.5"), (3, "10.0.0.3"), (9, "10.0.0.9")] {
            var event = Event()
            event.time = midnight + Int64(time)
            event.address = address
            book.take(event)
            try book.writer.commit()
        }
        #expect(
            try book.rows("SELECT started_at, last_at, address, events FROM sessions")
                == ["\(midnight + 3) \(midnight + 9) 10.0.0.3 3"])
    }

    @Test func whatIsOlderThanTheRetentionGoesInSteps() throws {
        let book = try Book()
        let now = midnight + 500 * day
        // The first hour that stays, and the last one that goes.
        let edge = now - 400 * day
        for time in [edge - 1, edge, now - 90 * day - 1, now - 90 * day] + (1...5).map({ edge - Int64($0) * day }) {
            var event = Event()
            event.time = time
            event.session = "s-\(time)"
            event.operation = "config.change"
            book.take(event)
        }
        try book.writer.commit()
        var steps = 0
        while try book.writer.prune(ActivityRetention(), now: now, limit: 2) { steps += 1 }
        #expect(steps > 1)
        for table in ["hours", "hour_totals", "reach_days", "coverage", "changes"] {
            #expect(try book.rows("SELECT count(*) FROM \(table)") == ["3"], "\(table)")
        }
        #expect(try book.rows("SELECT last_at FROM sessions") == ["\(now - 90 * day)"])
        #expect(try book.rows("SELECT events FROM reach") == ["9"])
    }
}
