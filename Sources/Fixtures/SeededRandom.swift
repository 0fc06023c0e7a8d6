// SPDX-License-Identifier: Apache-2.0

/// The generator behind the fixture day: xoshiro256** seeded by SplitMix64 (Blackman and Vigna, 2018).
///
/// Our own, because the fixtures are committed: the same seed has to give the same bytes on every machine and with every
/// version of the standard library.
struct SeededRandom {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    /// A stream of its own for each (seed, stream) pair, so that one identity's day does not depend on another's.
    init(seed: UInt64, stream: UInt64) {
        var mixer = seed ^ (stream &+ 1) &* 0xD1B5_4A32_D192_ED03
        func next() -> UInt64 {
            mixer &+= 0x9E37_79B9_7F4A_7C15
            var z = mixer
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
        state = (next(), next(), next(), next())
    }

    mutating func next() -> UInt64 {
        func rotate(_ x: UInt64, _ k: UInt64) -> UInt64 { (x << k) | (x >> (64 - k)) }
        let result = rotate(state.1 &* 5, 7) &* 9
        let t = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= t
        state.3 = rotate(state.3, 45)
        return result
    }

    /// A number of the range, evenly; the bias of the multiplication is far below what a fixture could show.
    mutating func pick(_ range: ClosedRange<Int>) -> Int {
        let span = UInt64(range.upperBound - range.lowerBound + 1)
        return range.lowerBound + Int(next().multipliedFullWidth(by: span).high)
    }

    /// One of the values; there must be at least one.
    mutating func pick<Value>(_ values: [Value]) -> Value { values[pick(0...(values.count - 1))] }

    /// True in so many cases of a hundred.
    mutating func chance(_ percent: Int) -> Bool { pick(1...100) <= percent }

    /// The index of a weight, as often as the weight says.
    mutating func weighted(_ weights: [Int]) -> Int {
        var rest = pick(1...weights.reduce(0, +))
        for (index, weight) in weights.enumerated() {
            rest -= weight
            if rest <= 0 { return index }
        }
        return 0
    }

    /// So many hexadecimal digits, at most 16.
    mutating func hex(_ digits: Int) -> String {
        let text = String(next(), radix: 16)
        return String((String(repeating: "0", count: 16 - text.count) + text).suffix(digits))
    }

    /// A version 8 UUID (RFC 9562 §5.8): all but the version and variant bits from this generator.
    mutating func uuid() -> String {
        let high = next() & 0xFFFF_FFFF_FFFF_0FFF | 0x8000
        let low = next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        func text(_ value: UInt64) -> String {
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        let (first, second) = (text(high), text(low))
        return
            "\(first.prefix(8))-\(first.dropFirst(8).prefix(4))-\(first.suffix(4))-\(second.prefix(4))-\(second.suffix(12))"
    }
}
