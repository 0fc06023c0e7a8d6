// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Kafka

/// Records whose events are decoded and not yet counted, as many as the decoder keeps views of: the engine is faster with several at
/// once.
struct HeldRecords: ~Copyable {
    static let capacity = EventDecoder.kept

    private let records = UnsafeMutableBufferPointer<ConsumerRecord>.allocate(capacity: capacity)
    private let views = UnsafeMutableBufferPointer<EventView>.allocate(capacity: capacity)
    private(set) var count = 0

    deinit {
        records.extracting(..<count).deinitialize()
        views.extracting(..<count).deinitialize()
        records.deallocate()
        views.deallocate()
    }

    var isFull: Bool { count == Self.capacity }

    /// The events of the records, in their order; until the next change.
    var events: UnsafeBufferPointer<EventView> { UnsafeBufferPointer(rebasing: views[..<count]) }

    /// Must not be full. The view is one of the record's payload.
    mutating func append(_ record: consuming ConsumerRecord, _ view: EventView) {
        records.initializeElement(at: count, to: record)
        views.initializeElement(at: count, to: view)
        count += 1
    }

    func withRecord(_ place: Int, _ body: (borrowing ConsumerRecord) -> Void) {
        precondition(place < count)
        body(records[place])
    }

    mutating func removeAll() {
        records.extracting(..<count).deinitialize()
        views.extracting(..<count).deinitialize()
        count = 0
    }
}
