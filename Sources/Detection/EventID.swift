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
                if i < 7 { high |= UInt64(bytes[i]) << UInt64(48 - 8 * i) } else { low |= UInt64(bytes[i]) << UInt64(56 - 8 * (i - 7)) }
            }
            self.init(high: high, low: low, kind: .text)
        } else {
            self.init(high: stableHash(bytes), low: stableHash(bytes, seed: 0xD6E8_FEB8_6659_FD93), kind: .hashed)
        }
    }

    /// The canonical lower-case form only (RFC 9562, section 4): any other spelling must come back as it was written.
    private static func uuid(_ bytes: UnsafeRawBufferPointer) -> EventID? {
        var high: UInt64 = 0
        var low: UInt64 = 0
        var digits = 0
        for i in 0..<36 {
            let byte = bytes[i]
            if i == 8 || i == 13 || i == 18 || i == 23 {
                if byte != UInt8(ascii: "-") { return nil }
                continue
            }
            let digit: UInt8
            if byte &- 0x30 <= 9 { digit = byte &- 0x30 } else if byte &- 0x61 <= 5 { digit = byte &- 0x57 } else { return nil }
            if digits < 16 { high = high << 4 | UInt64(digit) } else { low = low << 4 | UInt64(digit) }
            digits += 1
        }
        return EventID(high: high, low: low, kind: .uuid)
    }

    /// The id as it stood in the event; nil for a hashed one.
    var text: String? {
        switch kind {
        case .none: return ""
        case .hashed: return nil
        case .text:
            var bytes: [UInt8] = []
            for i in 0..<Int(high >> 56) {
                let shifted: UInt64 = i < 7 ? high >> UInt64(48 - 8 * i) : low >> UInt64(56 - 8 * (i - 7))
                bytes.append(UInt8(truncatingIfNeeded: shifted))
            }
            return String(decoding: bytes, as: UTF8.self)
        case .uuid:
            var text = ""
            for position in 0..<32 {
                if position == 8 || position == 12 || position == 16 || position == 20 { text += "-" }
                let word: UInt64 = position < 16 ? high >> UInt64(60 - 4 * position) : low >> UInt64(60 - 4 * (position - 16))
                text += String(word & 15, radix: 16)
            }
            return text
        }
    }
}

/// The texts of ids that do not fit into an `EventID`, for as long as a window can hold them: two generations, the older
/// one dropped whenever the event time has moved on by the longest window.
struct LongEventIDs {
    private var current: [EventID: String] = [:]
    private var previous: [EventID: String] = [:]
    private var turn: Int64 = .min
    let horizon: Int64

    init(horizon: Int64) {
        self.horizon = horizon
    }

    mutating func remember(_ id: EventID, _ slot: Slot, at time: Int64) {
        if time > turn {
            previous = turn == .min ? [:] : current
            current = [:]
            turn = time + horizon
        }
        if current[id] == nil { current[id] = slot.text }
    }

    mutating func remember(_ id: EventID, text: String) {
        current[id] = text
    }

    func text(_ id: EventID) -> String {
        id.text ?? current[id] ?? previous[id] ?? "hash:" + String(id.high, radix: 16) + String(id.low, radix: 16)
    }
}
