// SPDX-License-Identifier: Apache-2.0

import Foundation

/// How far Kafka has acknowledged, as written to `position.json`.
struct SpoolPosition: Codable, Equatable {
    /// The format that this program writes.
    static let version = 1
    /// Format of the file.
    var version = SpoolPosition.version
    /// Every event before this sequence number is in Kafka.
    var acknowledged: UInt64 = 0
    /// The topic that the offsets are of.
    var topic: String
    /// Per partition: no event from `acknowledged` on stands before this offset. A partition that is absent was not
    /// there when this was written.
    var offsets: [String: Int64] = [:]
}

/// Reads and replaces the position's file.
struct PositionFile {
    /// More than any cluster's partitions need, in bytes.
    private static let limit = 4 << 20

    let path: String

    /// What a file can turn out to be.
    enum Reading: Equatable {
        case absent
        /// Not a position that was written whole: a machine that lost power.
        case damaged
        case position(SpoolPosition)
    }

    /// - Throws: when a later version of the program wrote it.
    func read() throws(SpoolError) -> Reading {
        guard FileManager.default.fileExists(atPath: path) else { return .absent }
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw .unusable(path: path, reason: "it cannot be opened")
        }
        guard let data = try? file.read(upToCount: Self.limit + 1), data.count <= Self.limit,
            let position = try? JSONDecoder().decode(SpoolPosition.self, from: data)
        else { return .damaged }
        guard position.version == SpoolPosition.version else {
            throw .unusable(
                path: path,
                reason: "it is of format \(position.version), and this program reads \(SpoolPosition.version)")
        }
        return .position(position)
    }

    /// Replaces the file as one step: whoever reads it sees the old position or the new one.
    func write(_ position: SpoolPosition, synchronised: Bool) throws(SpoolError) {
        let temporary = path + ".new"
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        guard let data = try? encoder.encode(position) else {
            throw .unusable(path: path, reason: "the position cannot be encoded")
        }
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .storage(file: temporary, reason: SegmentFile.lastError) }
        defer { close(descriptor) }
        let bytes = [UInt8](data)
        let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
        if count >= 0, count < bytes.count { throw .storage(file: temporary, reason: "the disk took a part only") }
        guard count == bytes.count, !synchronised || fdatasync(descriptor) == 0, rename(temporary, path) == 0 else {
            throw .storage(file: temporary, reason: SegmentFile.lastError)
        }
    }
}
