// SPDX-License-Identifier: Apache-2.0

import CRdKafka

/// The partitions that are assigned now, found per record without building a string.
///
/// Records name their topic by an `rd_kafka_topic_t` pointer. It stays the same, and alive, as long as a partition of the
/// topic is assigned; so the table is keyed by it and forgets all pointers when the assignment changes.
struct AssignmentTable {
    private struct Slot {
        let partition: TopicPartition
        /// The next offset to be delivered; nil until the first record when the start was not given.
        var next: Int64?
    }

    private var slots: [Slot] = []
    private var slotByPartition: [TopicPartition: Int] = [:]
    /// Slot by partition number, -1 where the partition is not ours.
    private var rows: [OpaquePointer: [Int]] = [:]
    private var lastTopic: OpaquePointer?
    private var lastRow: [Int] = []

    var partitions: [TopicPartition] { slots.map(\.partition) }

    func contains(_ partition: TopicPartition) -> Bool { slotByPartition[partition] != nil }

    /// The next offset to be delivered, when it is known.
    func position(of partition: TopicPartition) -> Int64? {
        slotByPartition[partition].flatMap { slots[$0].next }
    }

    mutating func setPosition(_ offset: Int64?, of partition: TopicPartition) {
        if let slot = slotByPartition[partition] { slots[slot].next = offset }
    }

    mutating func add(_ partitions: [TopicPartition], starts: [TopicPartition: Int64]) {
        let fresh = Set(partitions)
        rebuild(
            slots.filter { !fresh.contains($0.partition) }
                + partitions.map { partition in
                    // Negative offsets are librdkafka's logical ones (beginning, end, stored).
                    Slot(partition: partition, next: starts[partition].flatMap { $0 >= 0 ? $0 : nil })
                })
    }

    mutating func remove(_ partitions: [TopicPartition]) {
        let gone = Set(partitions)
        rebuild(slots.filter { !gone.contains($0.partition) })
    }

    mutating func removeAll() {
        rebuild([])
    }

    /// The record's partition when it is ours, else nil; moves the partition's position past the record.
    mutating func accept(topic: OpaquePointer, partition: Int32, offset: Int64) -> TopicPartition? {
        if topic != lastTopic, !select(topic) { return nil }
        let index = Int(partition)
        guard index >= 0, index < lastRow.count, lastRow[index] >= 0 else { return nil }
        let slot = lastRow[index]
        slots[slot].next = offset + 1
        return slots[slot].partition
    }

    private mutating func select(_ topic: OpaquePointer) -> Bool {
        if let row = rows[topic] {
            (lastTopic, lastRow) = (topic, row)
            return true
        }
        let name = rd_kafka_topic_name(topic).map { String(cString: $0) } ?? ""
        var row: [Int] = []
        for (slot, value) in slots.enumerated() where value.partition.topic == name {
            let index = Int(value.partition.partition)
            while row.count <= index { row.append(-1) }
            row[index] = slot
        }
        // A late record of a topic that is not ours: its pointer may soon be freed and used again, so don't keep it.
        if row.isEmpty { return false }
        rows[topic] = row
        (lastTopic, lastRow) = (topic, row)
        return true
    }

    private mutating func rebuild(_ new: [Slot]) {
        slots = new
        slotByPartition = Dictionary(uniqueKeysWithValues: new.enumerated().map { ($1.partition, $0) })
        rows = [:]
        (lastTopic, lastRow) = (nil, [])
    }
}
