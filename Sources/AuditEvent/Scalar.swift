// SPDX-License-Identifier: Apache-2.0

/// What one field of an event holds. Strings are borrowed: they point into the event's bytes, the decoder's scratch or a
/// constant of the mapping, and are valid until the decoder reads its next event. 24 bytes, no reference counting.
///
/// Public, like everything else here that is `@inlinable`: the compiler inlines nothing of `package` access into another
/// module, and the rules' loops run through these. No product exports the module.
public struct Slot {
    /// What kind of value a slot holds.
    public enum Kind: UInt8 {
        /// The event has no such field.
        case missing
        case null
        case bool
        case int
        case double
        case string
        /// Several values: the field stands inside an array. See `EventView.forEachValue`.
        case list
        /// An object, or an empty array: present, without a value to compare.
        case container
    }

    /// Tells which of the accessors below may be read.
    public var kind: Kind
    /// How many object levels the path took; a literal dotted key takes fewer and wins.
    @usableFromInline var hops: UInt8
    /// Bytes of a string; the head of a list.
    @usableFromInline var length: UInt32
    /// Tail of a list.
    @usableFromInline var tail: UInt32
    @usableFromInline var bits: UInt64

    @inlinable
    init(kind: Kind, length: UInt32 = 0, bits: UInt64 = 0) {
        self.kind = kind
        self.hops = 0
        self.length = length
        self.tail = 0
        self.bits = bits
    }

    /// A field that the event does not have.
    @inlinable public static var missing: Slot { Slot(kind: .missing) }
    /// A field that is null.
    @inlinable public static var null: Slot { Slot(kind: .null) }
    /// An object or an empty array.
    @inlinable public static var container: Slot { Slot(kind: .container) }
    /// A boolean.
    @inlinable public static func bool(_ value: Bool) -> Slot { Slot(kind: .bool, bits: value ? 1 : 0) }
    /// A whole number.
    @inlinable public static func int(_ value: Int64) -> Slot { Slot(kind: .int, bits: UInt64(bitPattern: value)) }
    /// A number with a fraction, or one that is too large for `int`.
    @inlinable public static func double(_ value: Double) -> Slot { Slot(kind: .double, bits: value.bitPattern) }
    /// The bytes must outlive the slot.
    @inlinable
    public static func string(_ bytes: UnsafeRawBufferPointer) -> Slot {
        Slot(
            kind: .string, length: UInt32(truncatingIfNeeded: bytes.count),
            bits: UInt64(UInt(bitPattern: bytes.baseAddress)))
    }

    /// The value of an `.int`.
    @inlinable public var int: Int64 { Int64(bitPattern: bits) }
    /// The value of a `.double`.
    @inlinable public var double: Double { Double(bitPattern: bits) }
    /// The value of a `.bool`.
    @inlinable public var bool: Bool { bits != 0 }
    /// The UTF-8 bytes of a `.string`.
    @inlinable public var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: UInt(bits)), count: Int(length))
    }
    /// Whether the field is there and holds something other than null.
    @inlinable public var hasValue: Bool { kind != .missing && kind != .null }

    /// The number in an int, a double or a numeric string; nil for everything else.
    @inlinable public var number: Double? {
        switch kind {
        case .int: Double(int)
        case .double: double
        case .string: ASCII.number(bytes)
        default: nil
        }
    }

    /// Calls `body` with the text of a scalar: strings as they are, numbers in decimal, booleans as `true` and `false`.
    /// Nothing is allocated. Nil for what has no text.
    @inlinable @inline(__always)
    public func withText<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R? {
        switch kind {
        case .string: return body(bytes)
        case .int: return ASCII.withDecimal(int, body)
        case .bool: return bool ? ASCII.withStatic("true", body) : ASCII.withStatic("false", body)
        case .double:
            // Rare on this path (a double as group key or against a text pattern), so a String is fine.
            var text = double.description
            return text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
        default: return nil
        }
    }

    /// The text of a scalar as a `String`, for messages. Not for the hot path.
    package var text: String? {
        withText { String(decoding: $0, as: UTF8.self) }
    }
}
