// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Tokens whose signature was verified, by their digest. Bounded: ``maximumEntries`` at most, the least recently used
/// going first, roughly.
final class TokenCache: Sendable {
    /// One token that was verified.
    final class Entry: Sendable {
        let token: VerifiedToken
        /// The issuer's place in the guard's list.
        let issuer: Int
        /// The generation of the issuer's keys that verified it.
        let generation: UInt64
        /// When it must be verified again, in ms since the epoch.
        let validUntil: Int64

        init(token: VerifiedToken, issuer: Int, generation: UInt64, validUntil: Int64) {
            self.token = token
            self.issuer = issuer
            self.generation = generation
            self.validUntil = validUntil
        }
    }

    /// Tokens kept, at most.
    static let maximumEntries = 65_536
    private static let shardCount = 64
    private static let maximumPerHalf = maximumEntries / shardCount / 2

    /// Two halves: when the young one is full it becomes the old one, and what was old is forgotten unless it was used
    /// meanwhile. Each step is O(1), without a list of uses.
    private struct Halves {
        var young: [TokenDigest: Entry] = [:]
        var old: [TokenDigest: Entry] = [:]

        mutating func store(_ digest: TokenDigest, _ entry: Entry) {
            if young.count >= maximumPerHalf, young[digest] == nil {
                old = young
                young = [:]
            }
            young[digest] = entry
        }

        mutating func entry(_ digest: TokenDigest) -> Entry? {
            if let entry = young[digest] { return entry }
            guard let entry = old.removeValue(forKey: digest) else { return nil }
            store(digest, entry)
            return entry
        }
    }

    private final class Shard: Sendable {
        let halves = Mutex(Halves())
    }

    private let shards = (0..<shardCount).map { _ in Shard() }

    func entry(_ digest: TokenDigest) -> Entry? {
        shards[digest.shard(of: Self.shardCount)].halves.withLock { $0.entry(digest) }
    }

    func store(_ digest: TokenDigest, _ entry: Entry) {
        shards[digest.shard(of: Self.shardCount)].halves.withLock { $0.store(digest, entry) }
    }

    /// Tokens kept now.
    var count: Int {
        shards.reduce(0) { sum, shard in sum + shard.halves.withLock { $0.young.count + $0.old.count } }
    }
}
