// SPDX-License-Identifier: Apache-2.0
import Crypto

/// The SHA-256 of a token, by which it is known from then on: the token itself is not kept.
struct TokenDigest: Hashable, Sendable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    init(_ token: String) {
        var hash = SHA256()
        var token = token
        token.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        words = hash.finalize().withUnsafeBytes { bytes in
            func word(_ index: Int) -> UInt64 {
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
            }
            return (word(0), word(1), word(2), word(3))
        }
    }

    /// The first 16 hexadecimal digits.
    var shortHexadecimal: String {
        let digits = String(words.0, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// A number from 0 up to a bound that is a power of two.
    func shard(of count: Int) -> Int { Int(truncatingIfNeeded: words.3) & (count - 1) }

    static func == (one: TokenDigest, other: TokenDigest) -> Bool { one.words == other.words }

    func hash(into hasher: inout Hasher) {
        // The dictionary's own seed is mixed in, so nobody can choose collisions; 64 bits of SHA-256 are spread enough.
        hasher.combine(words.0)
    }
}
