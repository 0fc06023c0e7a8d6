// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kafka
import Logging

/// What the gateway wrote of somebody: what to look at when a rule did not fire.
struct DemoWitness {
    /// Events by what they are, and where they stand.
    private struct Account {
        var events: [String: Int] = [:]
        var places: [Int32: ClosedRange<Int64>] = [:]
        var rejected: [String: Int] = [:]
    }

    private struct Event: Decodable {
        struct API: Decodable { var operation: String? }
        var class_uid: Int?
        var status_id: Int?
        var api: API?

        var words: String {
            if class_uid == 3002 { return status_id == 1 ? "logon" : "failed logon" }
            return api?.operation ?? "event"
        }
    }

    /// A line for each, from the topics of events and of those that were rejected. Takes ten seconds at most.
    static func lines(of identities: Set<String>, kafka: KafkaProperties, logger: Logger) -> [String] {
        var accounts: [String: Account] = [:]
        do {
            let reader = try KafkaTopicReader(
                properties: kafka, topics: ["gatewatch.audit", "gatewatch.audit.rejected"], logger: logger)
            defer { reader.close() }
            let deadline = ContinuousClock.now + .seconds(10)
            while !reader.isCaughtUp, ContinuousClock.now < deadline {
                _ = try reader.poll(timeoutMilliseconds: 100) { record in
                    guard let key = record.key.map({ String(decoding: $0, as: UTF8.self) }), identities.contains(key),
                        let payload = record.payload
                    else { return }
                    if let reason = record.header("gatewatch.reason") {
                        accounts[key, default: Account()].rejected[
                            String(decoding: reason, as: UTF8.self), default: 0] += 1
                        return
                    }
                    let event = try? JSONDecoder().decode(Event.self, from: Data(payload))
                    accounts[key, default: Account()].events[event?.words ?? "unreadable", default: 0] += 1
                    let (partition, offset) = (record.topicPartition.partition, record.offset)
                    let known = accounts[key]?.places[partition] ?? offset...offset
                    accounts[key]?.places[partition] = min(known.lowerBound, offset)...max(known.upperBound, offset)
                }
            }
        } catch {
            return ["what the gateway wrote cannot be read: \(error)"]
        }
        return identities.sorted().map { identity in
            guard let account = accounts[identity] else { return "the gateway wrote nothing of \(identity)" }
            let places = account.places.sorted { $0.key < $1.key }.map {
                "partition \($0) from \($1.lowerBound) to \($1.upperBound)"
            }
            return "the gateway wrote of \(identity): \(count(account.events)), in \(places.joined(separator: ", "))"
                + (account.rejected.isEmpty ? "" : "; rejected: \(count(account.rejected))")
        }
    }

    private static func count(_ words: [String: Int]) -> String {
        words.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }.joined(separator: ", ")
    }
}
