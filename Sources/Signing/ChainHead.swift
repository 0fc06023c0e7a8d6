// SPDX-License-Identifier: Apache-2.0

/// A hash chain of the hub up to a row, signed by the hub: the payload of a record of type `gatewatch-evidence-head+json`, or, where the
/// rows up to it were deleted for their age, `gatewatch-evidence-cut+json`.
package struct ChainHead: Codable, Sendable, Equatable {
    /// Which chain; nil for that of the evidence, which was there before others were.
    package var chain: String?
    package var sequence: Int64
    /// Of that row, lower-case hexadecimal.
    package var hash: String
    /// When it was signed, ms since the epoch, UTC.
    package var at: Int64

    package init(chain: String? = nil, sequence: Int64, hash: String, at: Int64) {
        self.chain = chain
        self.sequence = sequence
        self.hash = hash
        self.at = at
    }

    /// The signed record, JWS.
    ///
    /// - Parameter type: `evidenceHead` or `evidenceCut`.
    /// - Throws: `SignatureError`.
    package func signed(by key: SigningKey, type: RecordType = .evidenceHead) throws -> String {
        String(decoding: try key.sign(try RecordJSON.encode(self), type: type), as: UTF8.self)
    }

    /// Reads a record that a key with the role hub signed.
    ///
    /// - Parameters:
    ///   - chain: the chain that it must be of: a head of one is none of another.
    ///   - type: `evidenceHead` or `evidenceCut`.
    /// - Throws: `SignatureError`, `RecordError`.
    package static func verified(
        _ record: String, of chain: String?, type: RecordType = .evidenceHead, by keys: TrustedKeys
    ) throws -> ChainHead {
        let verified = try keys.verify(Array(record.utf8), type: type)
        guard verified.key.role == .hub else {
            throw RecordError("the key '\(verified.key.name)' is not a hub's")
        }
        let head = try RecordJSON.decode(ChainHead.self, from: verified.payload)
        guard head.chain == chain else { throw RecordError("it is of another chain") }
        return head
    }

    /// Which hash signed heads, and one that was noted elsewhere, give to which row.
    ///
    /// - Parameters:
    ///   - records: signed heads by their rows. The number of a head is what was signed, not what stands beside it.
    ///   - keys: nil to believe the noted head alone.
    /// - Throws: ``ChainFault`` for a head that is not signed right, or that is another one than the noted.
    package static func hashes(
        _ records: [(sequence: Int64, record: String)], noted: ChainHead?, of chain: String?, by keys: TrustedKeys?
    ) throws(ChainFault) -> [Int64: String] {
        var hashes: [Int64: String] = [:]
        if let keys {
            for (sequence, record) in records {
                do {
                    let head = try verified(record, of: chain, by: keys)
                    hashes[head.sequence] = head.hash
                } catch {
                    throw ChainFault(
                        chain: chain, sequence: sequence, reason: "has a head that is not signed right: \(error)")
                }
            }
        }
        if let noted {
            if let hash = hashes[noted.sequence], hash != noted.hash {
                throw ChainFault(
                    chain: chain, sequence: noted.sequence, reason: "has another signed head than the one noted")
            }
            hashes[noted.sequence] = noted.hash
        }
        return hashes
    }
}

/// The first row of a hash chain that does not fit.
package struct ChainFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// Nil for the evidence.
    package var chain: String?
    package var sequence: Int64
    /// What is wrong with it, a sentence without its subject.
    package var reason: String

    package init(chain: String? = nil, sequence: Int64, reason: String) {
        self.chain = chain
        self.sequence = sequence
        self.reason = reason
    }

    package var description: String { "row \(sequence) of the \(chain ?? "evidence") \(reason)" }
}
