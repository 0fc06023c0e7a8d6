// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Foundation
import Sigma
import YAMLDocument

/// What rules cost beside the decoding of an event: many stateless ones, and the window of a distinct count.
enum RuleBench {
    private static let rounds = 9

    static func run(_ workload: Workload) throws {
        say("stateless rules on the fixture day, CPU time beside decoding, medians of \(rounds) rounds")
        try measure(workload, "100 rules of every kind of test", mixed(100))
        try measure(workload, "1,000 rules that almost never match", rare(1000))
        try measure(workload, "the same and 100 keywords", rare(1000) + keywords(100))
        say("")
        try distinct()
    }

    private static func measure(_ workload: Workload, _ name: String, _ rules: [String]) throws {
        let set = RuleSet(
            documents: try YAMLReader.documents(text: rules.joined(separator: "---\n"), file: "bench.yml"))
        if let error = set.errors.first { throw error }
        let plan = try DetectorPlan(
            rules: set, mapping: Mapping.named("ocsf"), directory: workload.directory)
        let engine = Engine(plan: plan)
        var with: [Double] = []
        for round in 0..<rounds + 2 {
            workload.nextDay()
            let decode = try time(workload) { _ = try plan.decoder.decode($0, fallbackUID: .missing) }
            let full = try time(workload) { try engine.process(plan.decoder.decode($0, fallbackUID: .missing)) }
            _ = engine.takeAlerts()
            engine.discardChanges()
            if round >= 2 { with.append((full - decode) / 1000) }
        }
        row("  \(name)", "\(format(with.median, 2)) µs/event")
    }

    private static func time(_ workload: Workload, _ body: (UnsafeRawBufferPointer) throws -> Void) rethrows -> Double {
        let start = processNanoseconds()
        for event in workload.events { try body(workload.text(event)) }
        return Double(processNanoseconds() - start) / Double(workload.events.count)
    }

    private static func rule(_ number: Int, _ detection: String) -> String {
        """
        title: Bench rule \(number)
        logsource: { product: gatewatch, service: gateway }
        detection:
        \(detection.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n"))
        level: low

        """
    }

    private static func mixed(_ count: Int) -> [String] {
        (0..<count).map { i in
            let detection =
                switch i % 6 {
                case 0: "s: { api.operation: vectors.query, resources.name|startswith: 'secret-\(i)' }\ncondition: s"
                case 1: "s: { http_request.user_agent|contains: ['curl/\(i).', 'wget/\(i).'] }\ncondition: s"
                case 2:
                    "s: { src_endpoint.ip|cidr: 192.168.\(i).0/24 }\nf: { identity.role: admin }\ncondition: s and not f"
                case 3: "s: { unmapped.items|gt: \(i)000000 }\ncondition: s"
                case 4: "s: { resources.name|re: '^prod-\(i)-.*ckpt$', status_id: 1 }\ncondition: s"
                default: "s: { api.operation: [config.change, policy.change], status_id: \(i) }\ncondition: s"
                }
            return rule(i, detection)
        }
    }

    private static func rare(_ count: Int) -> [String] {
        (0..<count).map { i in
            let detection =
                switch i % 6 {
                case 0: "s: { api.operation: vectors.query, identity: nobody-\(i) }\ncondition: s"
                case 1: "s: { resources.name|endswith: '/secret-\(i).safetensors' }\ncondition: s"
                case 2: "s: { http_request.user_agent|contains|all: ['tool-\(i)/', 'beta'] }\ncondition: s"
                case 3: "s: { src_endpoint.ip: 203.0.113.\(i), status_id: 2 }\ncondition: s"
                case 4:
                    "s: { resources.uid|startswith: 'tenant-\(i)/' }\nf: { unmapped.change_id|exists: true }\ncondition: s and not f"
                default: "s: { api.service.name: ['svc-\(i)', 'svc-\(i)-canary'] }\ncondition: s"
                }
            return rule(i, detection)
        }
    }

    private static func keywords(_ count: Int) -> [String] {
        (0..<count).map { rule(10_000 + $0, "words: ['leaked-\($0)', 'stolen-\($0)']\ncondition: words") }
    }

    /// One key with 2,000 distinct values in its window, every event in and out of it.
    private static func distinct() throws {
        let values = 2000
        let yaml = """
            title: Any
            name: any
            logsource: { product: bench }
            detection: { s: { v|exists: true }, condition: s }
            ---
            title: Many values
            correlation:
              type: value_count
              rules: [any]
              group-by: [k]
              timespan: 10m
              condition: { field: v, gte: 100000 }
            """
        let set = RuleSet(documents: try YAMLReader.documents(text: yaml, file: "bench.yml"))
        if let error = set.errors.first { throw error }
        let plan = try DetectorPlan(rules: set, mapping: .raw)
        let engine = Engine(plan: plan)
        let decoding = try DetectorPlan(rules: set, mapping: .raw)
        let step = Int64(600_000 / values)
        var text = Array(
            "{\"metadata\":{\"uid\":\"e-0000000000\"},\"time\":1795000000000,\"k\":\"a\",\"v\":\"value-0000\"}".utf8)
        func write(_ number: Int, _ at: Int, _ digits: Int) {
            var rest = number
            for i in stride(from: at + digits - 1, through: at, by: -1) {
                text[i] = UInt8(48 + rest % 10)
                rest /= 10
            }
        }
        var number = 0
        func round(_ count: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Double {
            let start = processNanoseconds()
            for _ in 0..<count {
                number += 1
                write(number, 22, 10)
                write(Int(1_795_000_000_000 + Int64(number) * step), 42, 13)
                write(number % values, 75, 4)
                try text.withUnsafeBytes { try body($0) }
            }
            return Double(processNanoseconds() - start) / Double(count)
        }
        _ = try round(20_000) { try engine.process(plan.decoder.decode($0, fallbackUID: .missing)) }
        var full: [Double] = []
        var decode: [Double] = []
        for _ in 0..<rounds {
            decode.append(try round(100_000) { _ = try decoding.decoder.decode($0, fallbackUID: .missing) })
            number -= 100_000
            full.append(try round(100_000) { try engine.process(plan.decoder.decode($0, fallbackUID: .missing)) })
            engine.discardChanges()
        }
        say("distinct count, one window of \(values) distinct values")
        row(
            "  engine, decoding included",
            "\(format(full.median)) ns/event, \(format(1e3 / full.median, 2)) M events/s  (budget 1)")
        row("  without decoding", "\(format(full.median - decode.median)) ns/event")
        say("")
    }
}
