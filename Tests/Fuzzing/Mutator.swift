// SPDX-License-Identifier: Apache-2.0

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every run.
struct FuzzRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func below(_ count: Int) -> Int { count <= 1 ? 0 : Int(next() % UInt64(count)) }
}

/// Makes new inputs of old ones.
struct Mutator {
    /// The longest input, in bytes.
    static let maximumLength = 64 << 10

    /// Texts that readers trip over.
    private static let troublesome: [[UInt8]] = [
        "0", "-0", "-1", "1e308", "1e-400", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
        "18446744073709551616", "253402300800000", "0.1", "1e19", "4294967296", "65536", "99999999999999999999999999",
        "NaN",
        "null", "true", "[]", "{}", "\"\"", "\"", "\\", "\\u0000", "\\ud800", "\\u00", "*", "?", "\\*", "~", "&a", "*a",
        "!!binary", "|",
        ">", "---", "...", "\n", "\r\n", "\t", "  ", ": ", "- ", "#", "'", "%", "\u{FEFF}", "\u{85}", "\0",
        "2026-02-29T24:60:61Z",
        "1h", "100000d", "0s", "and", "or", "not", "1 of them", "all of x*", "(", ")", "||", "|re", "|contains", "|all",
        "|cidr", "0.0.0.0/0", "::/128", "(a+)+$", "[", "(?R)", "RRULE:FREQ=YEARLY;COUNT=99999999",
        "DTSTART:00000101T000000Z",
        "P9999999999W", ",", ";",
    ].map { Array($0.utf8) }

    var random: FuzzRandom
    /// Words of the seeds.
    private let words: [[UInt8]]

    init(seed: UInt64, seeds: [[UInt8]]) {
        random = FuzzRandom(state: seed)
        var words: Set<[UInt8]> = []
        for seed in seeds where words.count < 4000 {
            for word in seed.split(maxSplits: 2000, whereSeparator: { !Self.isWord($0) })
            where word.count > 1 && word.count < 40 {
                words.insert(Array(word))
            }
        }
        self.words = words.sorted { $0.lexicographicallyPrecedes($1) }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A || byte >= 0x30 && byte <= 0x39 || byte == 0x5F || byte == 0x2E
            || byte >= 0x80
    }

    /// One to eight changes of `input`.
    mutating func mutated(_ input: [UInt8], with others: [[UInt8]]) -> [UInt8] {
        var bytes = input
        for _ in 0..<(1 << random.below(4)) { change(&bytes, others) }
        if bytes.count > Self.maximumLength { bytes.removeLast(bytes.count - Self.maximumLength) }
        return bytes
    }

    private mutating func change(_ bytes: inout [UInt8], _ others: [[UInt8]]) {
        let at = random.below(bytes.count + 1)
        switch random.below(13) {
        case 0 where at < bytes.count: bytes[at] ^= 1 << UInt8(random.below(8))
        case 1 where at < bytes.count: bytes[at] = UInt8(random.below(256))
        case 2: bytes.insert(UInt8(random.below(256)), at: at)
        case 3: bytes.removeSubrange(at..<min(bytes.count, at + 1 + random.below(16)))
        case 4: bytes.removeSubrange(at..<min(bytes.count, at + random.below(bytes.count + 1)))
        case 5: bytes.insert(contentsOf: Self.troublesome[random.below(Self.troublesome.count)], at: at)
        case 6:
            // In place of a word or a number.
            let word = word(around: at, bytes)
            bytes.replaceSubrange(word, with: Self.troublesome[random.below(Self.troublesome.count)])
        case 7 where !words.isEmpty:
            bytes.replaceSubrange(word(around: at, bytes), with: words[random.below(words.count)])
        case 8 where !words.isEmpty: bytes.insert(contentsOf: words[random.below(words.count)], at: at)
        case 9:
            // The same again, also very often.
            let part = Array(bytes[at..<min(bytes.count, at + 1 + random.below(64))])
            let times = random.below(40) == 0 ? 1 + random.below(20_000 / max(1, part.count)) : 1 + random.below(4)
            bytes.insert(contentsOf: repeatElement(part, count: times).joined(), at: at)
        case 10:
            let line = line(around: at, bytes)
            let text = Array(bytes[line])
            bytes.insert(contentsOf: text, at: random.below(2) == 0 ? line.lowerBound : random.below(bytes.count + 1))
        case 11: bytes.removeSubrange(line(around: at, bytes))
        default:
            guard !others.isEmpty else { return }
            let other = others[random.below(others.count)]
            let from = random.below(other.count + 1)
            let part = other[from..<min(other.count, from + random.below(other.count + 1))]
            bytes.replaceSubrange(at..<min(bytes.count, at + random.below(64)), with: part)
        }
    }

    private func word(around at: Int, _ bytes: [UInt8]) -> Range<Int> {
        var (from, to) = (at, at)
        while from > 0, Self.isWord(bytes[from - 1]) { from -= 1 }
        while to < bytes.count, Self.isWord(bytes[to]) { to += 1 }
        return from..<to
    }

    private func line(around at: Int, _ bytes: [UInt8]) -> Range<Int> {
        var (from, to) = (at, at)
        while from > 0, bytes[from - 1] != 0x0A { from -= 1 }
        while to < bytes.count, bytes[to] != 0x0A { to += 1 }
        return from..<min(bytes.count, to + 1)
    }
}
