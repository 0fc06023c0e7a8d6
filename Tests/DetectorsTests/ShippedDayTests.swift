// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Calendar
import Detection
import Detectors
import Foundation
import Sigma
import Testing

/// The fixture day through the shipped detectors.
@Suite("Shipped detectors on the fixture day")
struct ShippedDayTests {
    private struct Insider: Decodable {
        let identity: String
        let expected: [String]
    }

    private static let alerts = Result {
        let fixtures = Shipped.root.appending(path: "fixtures")
        let directory = try IdentityDirectory(path: fixtures.appending(path: "identities.csv").path)
        return try Shipped.alerts(
            path: fixtures.appending(path: "day.ndjson.gz").path, directory: directory,
            calendar: fixtures.appending(path: "deployment.ics").path
        ).alerts
    }

    private func insiders() throws -> [Insider] {
        let url = Shipped.root.appending(path: "fixtures/insiders.json")
        return try JSONDecoder().decode([Insider].self, from: Data(contentsOf: url))
    }

    @Test("every insider is found, by the rules that are expected")
    func found() throws {
        let alerts = try Self.alerts.get()
        for insider in try insiders() {
            let rules = Set(alerts.filter { $0.identity == insider.identity }.map(\.ruleName))
            #expect(rules.isSuperset(of: insider.expected), "\(insider.identity): \(rules)")
        }
    }

    @Test("nobody else raises anything above informational")
    func silence() throws {
        let insiders = Set(try insiders().map(\.identity))
        let others = try Self.alerts.get().filter {
            $0.level != "informational" && !insiders.contains($0.identity ?? "")
        }
        #expect(others.isEmpty, "\(others.map(\.message))")
    }

    @Test("each insider raises its own signal and no more, so that the counts by rule stay what they are")
    func counts() throws {
        let counts = try Self.alerts.get().reduce(into: [String: Int]()) { $0[$1.ruleName, default: 0] += 1 }
        #expect(
            counts == [
                "gw_bulk_vectors_10m": 1, "gw_checkpoint_without_approval": 7, "gw_checkpoint_many": 2,
                "gw_checkpoint_volume": 2, "gw_training_data_by_inference": 2, "gw_off_window_change": 1,
                "gw_off_window_weakened": 1, "gw_off_window_undone": 1, "gw_fail_then_succeed": 2, "gw_chain": 1,
                "gw_three_signals": 1,
            ])
    }
}

/// Where the arrivals of real requests are.
enum Bursts {
    /// Nil where the data is not there.
    static let trace: String? = {
        let url = Shipped.root.deletingLastPathComponent()
            .appending(path: "shared/data/llm-traces/azure_code.csv.gz")
        return FileManager.default.fileExists(atPath: url.path) ? url.path : nil
    }()
}

/// Arrivals of real requests: bursts that are nobody's attack.
@Suite(
    "Shipped detectors on real bursts",
    .enabled(if: Bursts.trace != nil, "the folder ../shared/data is not there"))
struct BurstTests {
    /// ms, and the tokens in and out.
    private func requests() throws -> [(time: Int64, prompt: Int, answer: Int)] {
        let reader = try LineReader(path: try #require(Bursts.trace))
        var requests: [(time: Int64, prompt: Int, answer: Int)] = []
        while try reader.next({ line in
            let columns = String(decoding: line, as: UTF8.self).split(separator: ",")
            let stamp = Array((columns.first ?? "").replacing(" ", with: "T").prefix(23).utf8) + [UInt8(ascii: "Z")]
            guard columns.count == 3, let time = stamp.withUnsafeBytes({ Timestamp.fromISO8601($0) }) else { return }
            requests.append((time, Int(columns[1]) ?? 0, Int(columns[2]) ?? 0))
        }) {}
        return requests
    }

    @Test("an hour of requests raises nothing", arguments: [1, 20])
    func nothing(_ identities: Int) throws {
        let requests = try requests()
        try #require(requests.count == 8819)
        let events = requests.enumerated().map { number, request in
            """
            {"metadata":{"uid":"r\(number)"},"time":\(request.time),"class_uid":6003,"status_id":1,\
            "identity":"svc-\(number % identities)","actor":{"session":{"uid":"s-\(number % identities)"}},\
            "src_endpoint":{"ip":"10.0.0.\(number % identities)"},\
            "api":{"operation":"embeddings.create","service":{"name":"llm"}},\
            "resources":[{"type":"model","name":"code"}],"unmapped":{"items":1},\
            "http_request":{"length":\(request.prompt * 4)},"http_response":{"length":\(request.answer * 4)}}
            """
        }
        let alerts = try Shipped.alerts(events)
        #expect(alerts.isEmpty, "\(alerts.map(\.message))")
    }

    @Test("the same requests a hundred times as fast are a burst")
    func squeezed() throws {
        // Guards the test above: it would also pass if no event were understood.
        let requests = try requests()
        let first = try #require(requests.first?.time)
        let events = requests.enumerated().map { number, request in
            """
            {"metadata":{"uid":"r\(number)"},"time":\(first + (request.time - first) / 100),"status_id":1,\
            "identity":"svc","api":{"operation":"embeddings.create"},"unmapped":{"items":1}}
            """
        }
        #expect(try Shipped.alerts(events).map(\.ruleName) == ["gw_bulk_requests_1m"])
    }
}
