// SPDX-License-Identifier: Apache-2.0

import CRdKafka

/// What a reader of whole topics has found, and what it still has to pass before it has caught up.
struct ReadingPlan {
    /// How long a look at the cluster may take, in milliseconds, and how often one is taken while something is missing.
    private static let lookMilliseconds: Int32 = 250
    private static let retry = Duration.milliseconds(250)

    private let topics: [String]
    private let starts: [TopicPartition: Int64]
    private let refresh: Duration
    private var counts: [String: Int] = [:]
    private var nextLook = ContinuousClock.now
    /// Where the partitions ended when they were found, until that has been passed.
    private var ends: [TopicPartition: Int64] = [:]
    private var hasCaughtUp = false

    /// Where reading began, by partition; librdkafka's `RD_KAFKA_OFFSET_BEGINNING` where nothing else was asked for.
    private(set) var firstOffsets: [TopicPartition: Int64] = [:]

    init(topics: [String], starts: [TopicPartition: Int64], refresh: Duration) {
        self.topics = topics
        self.starts = starts
        self.refresh = refresh
    }

    var isLookDue: Bool { ContinuousClock.now >= nextLook }
    var isCaughtUp: Bool { hasCaughtUp }
    var missing: [String] { topics.filter { counts[$0] == nil } }

    /// Partitions that were not there at the last look.
    mutating func look(_ client: OpaquePointer) throws(KafkaError) -> [TopicPartition] {
        // Counted from the end of the look: one that waited for a broker is not followed by the next at once.
        defer { nextLook = ContinuousClock.now + (missing.isEmpty ? refresh : Self.retry) }
        var now = counts
        if !missing.isEmpty {
            // Asking for a topic by its name may make it; the list of all does not.
            let all = try ClusterQuery.partitionCounts(of: nil, on: client, Self.lookMilliseconds)
            for topic in missing { now[topic] = all[topic].flatMap { $0 > 0 ? $0 : nil } }
        } else {
            for topic in topics {
                let count = try ClusterQuery.partitionCounts(of: topic, on: client, Self.lookMilliseconds)[topic]
                now[topic] = max(count ?? 0, counts[topic] ?? 0)
            }
        }
        let fresh = now.flatMap { topic, count in
            ((counts[topic] ?? 0)..<count).map { TopicPartition(topic: topic, partition: Int32($0)) }
        }
        let found = try ClusterQuery.endOffsets(of: fresh, on: client, Self.lookMilliseconds)
        for partition in fresh {
            let end = found[partition] ?? 0
            let start = starts[partition].flatMap { $0 <= end ? $0 : nil }
            firstOffsets[partition] = start ?? Int64(RD_KAFKA_OFFSET_BEGINNING)
            if end > start ?? 0 { ends[partition] = end }
        }
        counts = now
        settle()
        return fresh
    }

    /// What to tell the operator when topics were not there at the last look; nil when all were.
    var absence: KafkaError? {
        guard let absent = missing.first else { return nil }
        return KafkaError(
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
            "The topic \"\(absent)\" does not exist (yet): create it or correct its name. "
                + "The reader goes on and takes it up when it appears.")
    }

    /// Takes back what a look found, because it could not be taken up.
    mutating func forget(_ partitions: [TopicPartition]) {
        for partition in partitions {
            firstOffsets[partition] = nil
            ends[partition] = nil
            counts[partition.topic] = nil
        }
        nextLook = ContinuousClock.now + Self.retry
    }

    /// Everything before `next` has been handed over.
    mutating func passed(_ partition: TopicPartition, next: Int64) {
        if ends.isEmpty { return }
        guard let end = ends[partition], next >= end else { return }
        ends[partition] = nil
        settle()
    }

    /// A fetch found nothing more. Tells it also where the last records before the end are gone: compacted away, or a
    /// transaction's marks.
    mutating func reachedEnd(_ partition: TopicPartition) {
        if ends.removeValue(forKey: partition) != nil { settle() }
    }

    private mutating func settle() {
        if ends.isEmpty, missing.isEmpty { hasCaughtUp = true }
    }
}
