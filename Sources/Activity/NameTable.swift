// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// Names that were met, each with a small number, and its row's id once that is known.
///
/// Names are told apart by a 64-bit hash with a seed of this process, which nobody outside can aim at: among a million names two
/// are mistaken for each other with a chance of 1 in 37 million.
struct NameTable<Entry> {
    private var numbers: [UInt64: Int32] = [:]
    private(set) var entries: [Entry] = []

    var count: Int { entries.count }

    subscript(number: Int32) -> Entry {
        _read { yield entries[Int(number)] }
        _modify { yield &entries[Int(number)] }
    }

    /// The number of a hash; `make` is called where it is new.
    mutating func number(_ hash: UInt64, _ make: () -> Entry) -> Int32 {
        if let known = numbers[hash] { return known }
        let number = Int32(truncatingIfNeeded: entries.count)
        numbers[hash] = number
        entries.append(make())
        return number
    }

    mutating func updateAll(_ body: (inout Entry) -> Void) {
        for index in entries.indices { body(&entries[index]) }
    }

    mutating func removeAll() {
        numbers.removeAll()
        entries.removeAll()
    }
}

/// Texts from outside as they are stored.
enum CleanText {
    /// At most so many bytes, cut between characters; as it is otherwise.
    static func cut(_ bytes: UnsafeRawBufferPointer, _ limit: Int) -> String {
        guard bytes.count > limit else { return String(decoding: bytes, as: UTF8.self) }
        var end = limit
        // Not in the middle of a scalar: its following bytes begin with the bits 10.
        while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[..<end]), as: UTF8.self)
    }

    /// Cut, and without what would steer a terminal or turn a line around.
    static func name(_ bytes: UnsafeRawBufferPointer, _ limit: Int = ActivityLimits.nameBytes) -> String {
        let text = cut(bytes, limit)
        guard bytes.contains(where: { $0 < 0x20 || $0 >= 0x7F }) else { return text }
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator: "\u{FFFD}"
                    default: scalar
                    }
                }))
    }
}
