// SPDX-License-Identifier: Apache-2.0

import Foundation
import Paging
import Recordings
import Signing

/// Recordings at the hub: taking them in, looking for them, replaying, verifying and deleting, with a million of them.
///
///     gatewatch-bench recordings [ROWS]
enum RecordingBench {
    private static let batch = 200
    private static let people = 2000
    private static let words = (0..<5000).map { "word\(String($0 * 2_654_435_761 % 1_000_003, radix: 36))" }

    static func run() throws {
        let count = CommandLine.arguments.dropFirst(2).first.flatMap { Int($0) } ?? 1_000_000
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("recordings-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try RecordingStore(path: folder.appendingPathComponent("recordings.sqlite").path)
        let key = try SigningKey.generate(name: "hub-1")

        var bytes = 0
        let before = processNanoseconds()
        for start in stride(from: 0, to: count, by: batch) {
            let records = (start..<min(start + batch, count)).map { number in
                let payload = recording(number).json
                bytes += payload.count
                return ReceivedRecording(
                    topic: "gatewatch.recordings", partition: 0, offset: Int64(number), payload: payload)
            }
            _ = try store.store(records, now: Int64(start))
            if start % 10_000 == 0 { _ = try store.signIfDue(by: key, now: Int64(start)) }
        }
        let took = Double(processNanoseconds() - before)
        let size = try store.size().bytes
        say("\(count) recordings of \(bytes / count) bytes of \(people) people")
        row("  take one in, CPU", "\(format(took / Double(count) / 1000, 0)) µs")
        row("  on disk", "\(size / Int64(count)) bytes each, \(format(Double(size) / Double(bytes), 2)) of the JSON")

        let rare = words[4999]
        let searches: [(String, RecordingFilter)] = [
            ("the latest", .init()), ("of a person", .init(identity: person(7))),
            ("of a person, denied", .init(identity: person(7), decision: .denied)),
            ("denied through a connection", .init(connection: "corpus", decision: .denied)),
            ("a word of every recording", .init(text: "quarterly")), ("a word of few", .init(text: rare)),
            ("two common words and a person", .init(identity: person(7), text: "quarterly report")),
            ("a beginning of words", .init(text: "word1*")), ("a resource", .init(resource: "docs-17")),
            ("no such word, a person", .init(identity: person(7), text: "absent")),
            ("an hour long ago", .init(from: 3_600_000 * 3, to: 3_600_000 * 4)),
            ("an hour long ago, a word", .init(from: 3_600_000 * 3, to: 3_600_000 * 4, text: "quarterly")),
            ("a day, denied, a word", .init(decision: .denied, from: 0, to: 86_400_000, text: rare)),
        ]
        for (name, filter) in searches {
            row("  page of 50, \(name), p95", try milliseconds { _ = try store.search(filter) })
        }
        row("  page of 50 sessions, p95", try milliseconds { _ = try store.sessions() })
        guard let session = try store.sessions(identity: person(7), limit: 1).items.first else { return }
        row("  replay, 50 steps, p95", try milliseconds { _ = try store.replay(session) })

        let verified = processNanoseconds()
        let report = try store.verify()
        row(
            "  verify, \(report.count) fit\(report.fault == nil ? "" : ", \(report.fault.map { "\($0)" } ?? "")")",
            "\(format(Double(processNanoseconds() - verified) / Double(count) / 1000, 1)) µs each")
        let pruned = processNanoseconds()
        var gone = 0
        for _ in 0..<10 { gone += try store.prune(before: .max, by: key, now: 0) }
        row(
            "  delete one for its age, CPU",
            "\(format(Double(processNanoseconds() - pruned) / Double(max(1, gone)) / 1000, 0)) µs")
    }

    /// Wall time of the 95th of a hundred, the first five not counted.
    private static func milliseconds(_ body: () throws -> Void) throws -> String {
        var times: [Double] = []
        for round in 0..<105 {
            let began = ContinuousClock.now
            try body()
            let took = (ContinuousClock.now - began).components
            if round >= 5 { times.append(Double(took.seconds) * 1000 + Double(took.attoseconds) / 1e15) }
        }
        times.sort()
        return "\(format(times[94], 2)) ms (median \(format(times[50], 2)))"
    }

    private static func person(_ number: Int) -> String { "person-\(number)@example.com" }

    /// Somebody's query, with an answer of a kilobyte: 20 a second, sessions of 50.
    static func recording(_ number: Int) -> Recording {
        let random = (number &* 2_654_435_761) >> 7
        var recording = Recording(
            uid: "0192f3a0-7000-7000-8000-\(String(number + 1_000_000_000_000))", at: Int64(number) * 50,
            operation: number % 7 == 0 ? "embeddings.create" : "vectors.query", method: "POST",
            path: "/vectors/collections/docs-\(random % 300)/points/query", status: number % 31 == 0 ? 403 : 200,
            decision: number % 31 == 0 ? .denied : .allowed, duration: 3)
        recording.identity = person(random % people)
        recording.session = "session-\(random % people)-\(number / people / 50)"
        recording.connection = random % 40 == 0 ? "corpus" : "vectors"
        recording.resources = [.init(type: "collection", name: "docs-\(random % 300)")]
        recording.address = "192.0.2.\(random % 250)"
        recording.items = 10
        recording.request.headers = [.init(name: "content-type", value: "application/json")]
        recording.request.length = 19_000
        let text = (0..<12).map { words[(random &+ $0 &* $0 &* 97) % words.count] }.joined(separator: " ")
        recording.request.set(body: #"{"query":"[1536 numbers]","limit":10,"note":"quarterly report \#(text)"}"#)
        recording.response.headers = [.init(name: "content-type", value: "application/json")]
        let points = (0..<10).map {
            #"{"id":\#(random % 9973 + $0),"score":0.5123,"payload":{"title":"\#(words[(random + $0 * 31) % words.count])"}}"#
        }
        recording.response.set(body: #"{"result":{"points":[\#(points.joined(separator: ","))]}}"#)
        recording.response.length = Int64(recording.response.body?.utf8.count ?? 0)
        return recording
    }
}
