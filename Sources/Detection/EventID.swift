// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// The id of an event in 16 bytes, so that a window of thousands stays small: a UUID as its bits, a text of up to 15
/// bytes as it is, a longer one as its hash (its text is then kept by `LongEventIDs`).
struct EventID: Hashable, Sendable {
    enum Kind: UInt8, Sendable { case none, uuid, text, hashed }

    var high: UInt64
    var low: UInt64
    var kind: Kind

    static let none = EventID(high: 0, low: 0, kind: .none)

    /// Orders ids of equal times, the same way on every run: shorter texts first, so that `line:9` precedes `line:10`.
    static func precedes(_ a: EventID, _ b: EventID) -> Bool {
        if a.kind != b.kind { return a.kind.rawValue < b.kind.rawValue }
        return a.high != b.high ? a.high < b.high : a.low < b.low
    }

    init(high: UInt64, low: UInt64, kind: Kind) {
        self.high = high
        self.low = low
        self.kind = kind
    }

    init(_ slot: Slot) {
        self = slot.withText { EventID($0) } ?? .none
    }

    init(_ bytes: UnsafeRawBufferPointer) {
        if bytes.count == 36, let id = Self.uuid(bytes) {
            self = id
        } else if bytes.count <= 15 {
            var high = UInt64(bytes.count) << 56
            var low: UInt64 = 0
            for i in 0..<bytes.count {
                if i < 7 {
                    high |= UInt64(bytes[i]) << UInt64(48 - 8 * i)
                } else {
                    low |= UInt64(bytes[i]) << UInt64(56 - 8 * (i - 7))
                }
            }
            self.init(high: high, low: low, kind: .text)
        } else {
            self.init(high: stableHash(bytes), low: stableHash(bytes, seed: 0xD6E8_FEB8_6659_FD93), kind: .hashed)
        }
    }

    /// The canonical lower-case form only (RFC 9562, section 4): any other spelling must come back as it was written.
    private static func uuid(_ bytes: UnsafeRawBufferPointer) -> EventID? {
        guard let start = bytes.baseAddress, bytes[8] == 0x2D, bytes[13] == 0x2D, bytes[18] == 0x2D, bytes[23] == 0x2D
        else {
            return nil
        }
        func eight(_ offset: Int) -> UInt64 { start.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
        func four(_ offset: Int) -> UInt64 { UInt64(start.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
        var faults: UInt64 = 0
        let a = hex(eight(0), &faults)
        let b = hex(four(9) | four(14) << 32, &faults)
        let c = hex(four(19) | four(24) << 32, &faults)
        let d = hex(eight(28), &faults)
        return faults == 0 ? EventID(high: a << 32 | b, low: c << 32 | d, kind: .uuid) : nil
    }

    /// Eight lower-case hexadecimal digits at once, the first in the lowest byte. Sets bits of `faults` when one of them is none.
    @inline(__always)
    private static func hex(_ text: UInt64, _ faults: inout UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let letters = text >> 6 & ones
        // A digit's upper half is 3, a letter's 6.
        faults |= (text & (ones &* 0xF0)) ^ (ones &* 0x30 &+ letters &* 0x30)
        let values = (text & (ones &* 0x0F)) &+ letters &* 9
        // 10 to 15 for letters, 0 to 9 for digits.
        faults |= (values & (ones &* 0xF0)) | ((values &+ ones &* 6) >> 4 & ones ^ letters)
        var packed = values.byteSwapped
        packed = (packed | packed >> 4) & 0x00FF_00FF_00FF_00FF
        packed = (packed | packed >> 8) & 0x0000_FFFF_0000_FFFF
        return (packed | packed >> 16) & 0xFFFF_FFFF
    }

    /// The id as it stood in the event; nil for a hashed one.
    var text: String? {
        switch kind {
        case .none: return ""
        case .hashed: return nil
        case .text:
            return String(unsafeUninitializedCapacity: 16) { bytes in
                let count = Int(high >> 56)
                for i in 0..<count {
                    let shifted: UInt64 = i < 7 ? high >> UInt64(48 - 8 * i) : low >> UInt64(56 - 8 * (i - 7))
                    bytes[i] = UInt8(truncatingIfNeeded: shifted)
                }
                return count
            }
        case .uuid: return uuidText(high, low)
        }
    }
}

/// The canonical text of a UUID (RFC 9562, section 4).
func uuidText(_ high: UInt64, _ low: UInt64) -> String {
    String(unsafeUninitializedCapacity: 36) { bytes in
        var at = 0
        for position in 0..<32 {
            if position == 8 || position == 12 || position == 16 || position == 20 {
                bytes[at] = UInt8(ascii: "-")
                at += 1
            }
            let word = position < 16 ? high >> UInt64(60 - 4 * position) : low >> UInt64(60 - 4 * (position - 16))
            let digit = UInt8(truncatingIfNeeded: word & 15)
            bytes[at] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            at += 1
        }
        return at
    }
}

/// The texts of ids that do not fit into an `EventID`, for as long as a window can hold them: two generations, the older
/// one dropped whenever the event time has moved on by the longest window, or when a generation is full.
///
/// A text that was dropped early is told as `hash:` and the id's hash; what fires does not depend on it.
struct LongEventIDs {
    /// Texts of one generation.
    static let maximumCount = 1 << 18
    /// Bytes of a text; a longer one is cut and its hash added.
    static let maximumText = 512

    private var current: [EventID: String] = [:]
    private var previous: [EventID: String] = [:]
    private var turn: Int64 = .min
    let horizon: Int64

    init(horizon: Int64) {
        self.horizon = horizon
    }

    mutating func remember(_ id: EventID, _ slot: Slot, at time: Int64) {
        if time > turn || current.count >= Self.maximumCount {
            previous = current
            current = [:]
            turn = max(turn, time + horizon)
        }
        if current[id] == nil { current[id] = slot.withText { Self.text($0, id) } }
    }

    mutating func remember(_ id: EventID, text: String) {
        current[id] = text
    }

    func text(_ id: EventID) -> String {
        id.text ?? current[id] ?? previous[id] ?? Self.hash(id)
    }

    private static func text(_ bytes: UnsafeRawBufferPointer, _ id: EventID) -> String {
        if bytes.count <= maximumText { return String(decoding: bytes, as: UTF8.self) }
        return String(decoding: bytes[..<maximumText], as: UTF8.self) + "#" + hash(id)
    }

    private static func hash(_ id: EventID) -> String {
        "hash:" + String(id.high, radix: 16) + "-" + String(id.low, radix: 16)
    }
}
