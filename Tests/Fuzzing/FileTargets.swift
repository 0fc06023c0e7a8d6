// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Calendar
import Detection
import Detectors
import Sigma
import YAMLDocument

/// Rule files: read, checked, compiled, and run over some events.
final class RuleTarget: FuzzTarget {
    static let name = "rules"
    let seeds: [[UInt8]]
    private let mappings: [Mapping]
    private let events: [[UInt8]]

    init(_ files: FuzzFiles) throws {
        mappings = [.raw, try .named("ocsf").applyingToEveryRule()]
        events = files.lines("fixtures/day.ndjson.gz", 12) + files.events().suffix(5)
        seeds =
            files.files(below: "detectors", ["yml"]).filter { $0.count <= FuzzFiles.maximumSeed }
            + Self.rules.map { Array($0.utf8) }
    }

    /// What no shipped detector has.
    private static let rules = [
        """
        title: Many forms
        name: many
        logsource: { product: windows }
        detection:
          keywords: ['a*b', 'c?d', '\\*', 12]
          selection_a:
            a|contains|all: [x, y]
            b|re|i: '^(a|b)+$'
            c|cidr: [10.0.0.0/8, '2001:db8::/32']
            d|gte: 5
            e|exists: true
            f|fieldref: g
            h|base64offset|contains: [abc, def]
            i|wide|base64: 'x'
            j|windash|contains: ' -f '
            k|cased|startswith: AbC
            l: null
            m|neq: [1, 2]
            n|hour|gte: 3
            o|expand: '%names%'
          selection_b: [ { a: 1 }, { b: '' } ]
          filter_main_x: { user: 'SYSTEM' }
          condition: (keywords or 1 of selection_*) and not all of filter_main_*
        ---
        title: Sums
        name: sums
        correlation: { type: value_sum, rules: [many], group-by: [k], timespan: 1h, condition: { field: v, gt: 10, lte: 20 } }
        ---
        title: Percentile
        name: p
        correlation: { type: value_percentile, rules: [many], group-by: [k], timespan: 1d, condition: { field: v, percentile: 95, gt: 10 } }
        ---
        title: Absence
        correlation: { type: temporal, rules: [sums, many], group-by: [k], timespan: 5m, condition: sums and not many, aliases: { k: { many: a, sums: k } } }
        ---
        title: Filter
        logsource: { product: windows }
        filter: { rules: [many], selection: { a: b }, condition: not selection }
        """,
        """
        action: global
        title: Parts
        logsource: { category: test }
        level: low
        gatewatch: { suppress: { episode: 1h, group-by: [a] }, risk: { points: 5, half-life: 7d }, first_seen: { field: a, group-by: b, history: 30d, learning: 7d } }
        ---
        name: one
        detection: { selection: { a: 1 }, condition: selection }
        ---
        action: repeat
        name: two
        detection: { selection: { b: 1 } }
        """,
        """
        title: Counts
        name: x
        logsource: { category: test }
        detection: { selection: { op: 'x*' }, condition: 1 of them }
        ---
        title: Usual
        name: usual
        correlation: { type: event_count, rules: [x], group-by: [k], timespan: 10m, condition: { gte: 5 } }
        gatewatch:
          baseline: { history: 28d, season: hour_of_week, minimum: { history: 7d, buckets: 50 }, threshold: 6, ratio: 5, scale_floor: 1, cold_start: floor, peers: { group-by: team, minimum: 5, quantile: 0.995 } }
          tests:
            - { name: a, events: [ { repeat: 5, every: 20s, set: { op: x, k: 1 } } ], alerts: 1 }
        """,
    ]

    func run(_ input: [UInt8]) -> UInt64 {
        var outcome = Outcome()
        do {
            let documents = try YAMLReader.documents(text: String(decoding: input, as: UTF8.self), file: "fuzz.yml")
            // No file is read for a name that chance wrote.
            let files = try DetectorFiles(
                documents: documents.filter { !Self.namesFile($0) }, lists: PlaceholderLists(["names": ["a*", "b"]]))
            outcome.add(size: files.errors.count)
            outcome.add(size: files.rules.warnings.count)
            for mapping in mappings { try run(files, mapping, &outcome) }
        } catch {
            outcome.add(error is DocumentError ? 1 : 2)
        }
        return outcome.value
    }

    private static func namesFile(_ node: YAMLNode) -> Bool { node["gatewatch"]?["outside"] != nil }

    private func run(_ files: DetectorFiles, _ mapping: Mapping, _ outcome: inout Outcome) throws {
        let plan = try DetectorPlan(rules: files.rules, mapping: mapping, calendars: files.calendars)
        outcome.add(size: plan.rules.detections.count)
        outcome.add(size: plan.rules.correlations.count)
        let engine = Engine(plan: plan)
        for event in events {
            event.withUnsafeBytes { bytes in
                _ = try? engine.process(
                    plan.decoder.decode(bytes, fallbackUID: .missing, fallbackTime: 1_795_003_200_000))
            }
        }
        let state = engine.snapshot()
        outcome.add(Engine(plan: plan).restore(state))
        engine.finish()
        outcome.add(size: engine.takeAlerts().count)
    }
}

/// Mapping files: read, compiled, and used on events and on lines of text.
final class MappingTarget: FuzzTarget {
    static let name = "mappings"
    let seeds: [[UInt8]]
    private let events: [[UInt8]]

    init(_ files: FuzzFiles) throws {
        seeds = files.files(below: "Sources/AuditEvent/Mappings", ["yml"])
        events = files.lines("fixtures/day.ndjson.gz", 2) + files.events().suffix(5) + FuzzFiles.textLines
    }

    func run(_ input: [UInt8]) -> UInt64 {
        var outcome = Outcome()
        do {
            let text = String(decoding: input, as: UTF8.self)
            for document in try YAMLReader.documents(text: text, file: "fuzz.yml") {
                let mapping = try Mapping(document)
                var plan = FieldPlan(mapping: mapping)
                let fields = mapping.fields.keys.sorted() + ["identity", "identity.role", "resources.name"]
                let slots = fields.map { plan.slot($0) }
                let transcoder = try mapping.lines.map { try LineTranscoder($0, notAfter: 1_795_003_200_000) }
                guard let decoder = plan.makeDecoder() else { continue }
                for event in events {
                    event.withUnsafeBytes { bytes in
                        let text = transcoder?.event(of: bytes).json ?? bytes
                        guard let view = try? decoder.decode(text, fallbackUID: .missing, fallbackTime: 0) else {
                            return outcome.add(-1)
                        }
                        outcome.add(slots.count { view[$0].hasValue })
                    }
                }
            }
        } catch {
            outcome.add(error is DocumentError ? 1 : 2)
        }
        return outcome.value
    }
}

/// Files of placeholder values.
final class ListTarget: FuzzTarget {
    static let name = "lists"
    let seeds: [[UInt8]]

    init(_ files: FuzzFiles) throws {
        seeds = files.files(below: "detectors/lists", ["yml"]) + [Array("names: [a, 'b*', 3, true]\nother: [x]\n".utf8)]
    }

    func run(_ input: [UInt8]) -> UInt64 {
        var outcome = Outcome()
        do {
            let text = String(decoding: input, as: UTF8.self)
            for document in try YAMLReader.documents(text: text, file: "fuzz.yml") {
                _ = try PlaceholderLists(document)
                outcome.add(3)
            }
        } catch {
            outcome.add(1)
        }
        return outcome.value
    }
}

/// iCalendar files.
final class CalendarTarget: FuzzTarget {
    static let name = "calendars"
    let seeds: [[UInt8]]

    init(_ files: FuzzFiles) throws {
        seeds =
            files.files(below: "detectors", ["ics"]) + files.files(below: "fixtures", ["ics"])
            + [
                """
                BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-TIMEZONE:Europe/Berlin\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTART;TZID=Europe/Berlin:20260105T090000\r
                DURATION:PT2H\r\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU;UNTIL=20271231T000000Z\r\nEXDATE;TZID=Europe/Berlin:20260106T090000\r\nEND:VEVENT\r
                BEGIN:VEVENT\r\nUID:b\r\nDTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20270102\r\nCATEGORIES:FREEZE\r
                RRULE:FREQ=MONTHLY;BYSETPOS=-1;BYDAY=FR;INTERVAL=2;COUNT=5\r\nRDATE;VALUE=PERIOD:20260101T000000Z/PT1H\r\nEND:VEVENT\r
                END:VCALENDAR\r\n
                """
            ].map { Array($0.utf8) }
    }

    func run(_ input: [UInt8]) -> UInt64 {
        var outcome = Outcome()
        do {
            let calendar = try ICalendar(bytes: input, file: "fuzz.ics")
            outcome.add(size: calendar.windows.count)
            outcome.add(size: calendar.freezes.count)
        } catch {
            outcome.add(-1)
        }
        return outcome.value
    }
}

/// Identity directories, CSV and NDJSON, with one event resolved by them.
final class IdentityTarget: FuzzTarget {
    static let name = "identities"
    let seeds: [[UInt8]]

    init(_ files: FuzzFiles) throws {
        let fixture = files.lines("fixtures/identities.csv", 40)
        seeds =
            [Array(fixture.joined(separator: [0x0A]))]
            + [
                "uid,aliases,kind,department,role,peer_group,manager,end_date\nana,ana@example.com;\"a,b\",human,x,y,z,ben,2026-11-30\n",
                "{\"uid\":\"ana\",\"aliases\":[\"a\",\"b\"],\"kind\":\"service\",\"end_date\":\"2026-11-30\"}\n{\"uid\":\"ben\"}\n",
            ].map { Array($0.utf8) }
    }

    func run(_ input: [UInt8]) -> UInt64 {
        var outcome = Outcome()
        do {
            let directory = try IdentityDirectory(text: String(decoding: input, as: UTF8.self), file: "fuzz.csv")
            outcome.add(size: directory.entries.count)
            var plan = FieldPlan(mapping: .raw, directory: directory)
            let slots = ["identity", "identity.role", "identity.ended"].map { plan.slot($0) }
            guard let decoder = plan.makeDecoder() else { return 0 }
            Array(#"{"identity":"ana","time":1795003200000}"#.utf8).withUnsafeBytes { bytes in
                guard let view = try? decoder.decode(bytes, fallbackUID: .missing) else { return }
                for slot in slots { outcome.add(view[slot].hasValue ? 1 : 0) }
            }
        } catch {
            outcome.add(1)
        }
        return outcome.value
    }
}
