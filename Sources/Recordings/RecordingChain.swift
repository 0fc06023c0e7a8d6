// SPDX-License-Identifier: Apache-2.0

import Crypto
import GRDB

/// How recordings are bound to each other: the hash of a row is SHA-256 over the hash of the row before (32 bytes, zeros in the first
/// row), the row's number and the time of its arrival (8 bytes each, big endian), and the recording's JSON as it came from Kafka.
enum RecordingChain {
    /// In ``ChainHead``.
    static let name = "recordings"
    static let origin = [UInt8](repeating: 0, count: 32)

    static func hash(previous: [UInt8], sequence: Int64, receivedAt: Int64, content: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        previous.withUnsafeBytes { hash.update(bufferPointer: $0) }
        withUnsafeBytes(of: sequence.bigEndian) { hash.update(bufferPointer: $0) }
        withUnsafeBytes(of: receivedAt.bigEndian) { hash.update(bufferPointer: $0) }
        content.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return Array(hash.finalize())
    }

    /// The last row; before the first one, the cut or the beginning.
    static func end(in db: Database) throws -> (sequence: Int64, hash: [UInt8]) {
        let last = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT sequence, hash FROM recordings ORDER BY sequence DESC LIMIT 1"))
        return try last.map { ($0["sequence"], $0.bytes("hash")) } ?? cut(in: db).map { ($0.sequence, $0.hash) }
            ?? (0, origin)
    }

    /// Up to where rows were deleted for their age.
    static func cut(in db: Database) throws -> (sequence: Int64, hash: [UInt8], record: String?)? {
        try Row.fetchOne(
            db.cachedStatement(sql: "SELECT sequence, hash, record FROM recording_cut ORDER BY sequence DESC LIMIT 1")
        ).map { ($0["sequence"], $0.bytes("hash"), $0["record"]) }
    }
}

extension [UInt8] {
    /// Lower case.
    var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(2 * count)
        for byte in self {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
