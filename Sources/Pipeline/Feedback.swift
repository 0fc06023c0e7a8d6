// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import Kafka
import Logging
import Synchronization

/// The alerts that people have called false or benign, by their ids.
final class Dismissals: Sendable {
    /// About 100 bytes each; beyond it what is said last is not heard.
    static let maximum = 1_000_000

    private let ids = Mutex<Set<String>>([])

    var count: Int { ids.withLock { $0.count } }

    func contains(_ id: String) -> Bool { ids.withLock { $0.contains(id) } }

    /// Takes a record of the topic; the last word on an alert counts.
    ///
    /// - Returns: false if it is not understood, or there is no room for it.
    func take(key: String, value: [UInt8]?) -> Bool {
        guard let value else {
            ids.withLock { _ = $0.remove(key) }
            return true
        }
        guard let record = try? JSONDecoder().decode(Record.self, from: Data(value)), record.alert_uid == key else {
            return false
        }
        switch record.disposition {
        case "true":
            ids.withLock { _ = $0.remove(key) }
            return true
        case "false", "benign":
            return ids.withLock { ids in
                guard ids.count < Self.maximum || ids.contains(key) else { return false }
                ids.insert(key)
                return true
            }
        default: return false
        }
    }

    /// What is read of a record; docs/incidents.md has all of it.
    private struct Record: Decodable {
        var alert_uid: String
        var disposition: String
    }
}

/// The thread that reads the topic of feedback, all of it and from its beginning.
final class FeedbackFollower: Sendable {
    private static let pollMilliseconds: Int32 = 250
    /// Wait after Kafka's client has failed, ms.
    private static let backoff = 5_000

    private let settings: DetectSettings
    private let dismissals: Dismissals
    private let logger: Logger
    private let isStopping = Atomic(false)
    private let isStarted = Atomic(false)
    private let finished = DispatchSemaphore(value: 0)

    init(settings: DetectSettings, dismissals: Dismissals, logger: Logger) {
        self.settings = settings
        self.dismissals = dismissals
        self.logger = logger
    }

    func start() {
        isStarted.store(true, ordering: .releasing)
        let thread = Thread { [self] in
            while !isStopping.load(ordering: .acquiring) {
                do {
                    try follow()
                } catch {
                    logger.error("dispositions of alerts cannot be read; trying again", metadata: ["error": "\(error)"])
                    pause()
                }
            }
            finished.signal()
        }
        thread.name = "detect feedback"
        thread.start()
    }

    func stop() async {
        guard isStarted.load(ordering: .acquiring) else { return }
        isStopping.store(true, ordering: .releasing)
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                self.finished.wait()
                continuation.resume()
            }
        }
    }

    private func follow() throws {
        let reader = try KafkaTopicReader(
            properties: settings.kafka, topics: [settings.feedbackTopic], logger: logger)
        defer { reader.close() }
        while !isStopping.load(ordering: .acquiring) {
            _ = try reader.poll(timeoutMilliseconds: Self.pollMilliseconds) { record in
                let key = record.key.map { String(decoding: $0.prefix(512), as: UTF8.self) } ?? ""
                if !dismissals.take(key: key, value: record.payload.map { Array($0) }) {
                    logger.warning(
                        "a disposition is not understood, or there are too many", metadata: ["alert": "\(key)"])
                }
            }
        }
    }

    private func pause() {
        for _ in 0..<(Self.backoff / 100) where !isStopping.load(ordering: .acquiring) {
            Thread.sleep(forTimeInterval: 0.1)
        }
    }
}
