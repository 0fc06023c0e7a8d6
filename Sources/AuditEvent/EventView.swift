// SPDX-License-Identifier: Apache-2.0

/// Names a field's place in the events that one plan decodes.
public struct SlotID: Hashable, Sendable {
    /// Position in the decoder's slots; -1 for no field.
    public let index: Int32

    /// No field.
    public static let none = SlotID(index: -1)
}

/// One of several values of a field, and where the next one is.
@usableFromInline
struct SlotItem {
    @usableFromInline var slot: Slot
    /// `UInt32.max` ends the list.
    @usableFromInline var next: UInt32

    init(slot: Slot, next: UInt32) {
        self.slot = slot
        self.next = next
    }
}

/// One decoded event: the values of the plan's fields. Borrowed from the decoder, valid for its next `EventDecoder.kept` - 1 events; must not be
/// kept. Holds no references, so it costs nothing to pass on.
public struct EventView {
    @usableFromInline let slots: UnsafeMutablePointer<Slot>
    @usableFromInline let items: UnsafeMutablePointer<SlotItem>
    /// The event's bytes.
    public let json: UnsafeRawBufferPointer
    /// The decoder's, which outlives the view.
    let index: Unmanaged<JSONIndex>
    /// Event time, ms since the epoch, UTC.
    public let time: Int64
    /// Whether the event has a time of its own; else `time` is what the caller of `decode` gave instead.
    package let hasTime: Bool
    /// The event's id: `metadata.uid`, else what the caller of `decode` gave instead.
    public let uid: Slot

    /// The value of a field of the plan; an id that is not of this plan, or is `.none`, must not be asked for.
    @inlinable @inline(__always)
    public subscript(id: SlotID) -> Slot { slots[Int(id.index)] }

    /// Calls `body` with each value of a field (one, unless the field stands inside an array) until it returns true.
    /// Returns whether it did. A missing field has no value.
    @inlinable @inline(__always)
    public func anyValue(_ slot: Slot, _ body: (Slot) -> Bool) -> Bool {
        switch slot.kind {
        case .missing, .container: return false
        case .list:
            var next = slot.length
            while next != UInt32.max {
                let item = items[Int(next)]
                if body(item.slot) { return true }
                next = item.next
            }
            return false
        default: return body(slot)
        }
    }

    /// Calls `body` with each scalar of the whole event, whatever its key, until it returns true: Sigma's keyword search.
    package func anyScalar(_ body: (Slot) -> Bool) -> Bool {
        index._withUnsafeGuaranteedRef { $0.anyScalar(in: json, body) }
    }

    /// The first value of a field, for group keys and messages.
    @inlinable @inline(__always)
    public func firstValue(_ slot: Slot) -> Slot {
        guard slot.kind == .list else { return slot }
        return items[Int(slot.length)].slot
    }
}
