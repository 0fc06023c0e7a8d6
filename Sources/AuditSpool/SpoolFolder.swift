// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The spool's folder: locked as long as this lives.
final class SpoolFolder: Sendable {
    let path: String
    private let lock: Int32

    /// Makes the folder (for the owner only: events tell who did what) and locks it.
    init(path: String) throws(SpoolError) {
        self.path = path
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw .unusable(path: path, reason: "it cannot be made (\(error.localizedDescription))")
        }
        let name = path + "/lock"
        lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw .unusable(path: name, reason: SegmentFile.lastError) }
        // Held by the open file: the system lets go of it however the process ends.
        if flock(lock, LOCK_EX | LOCK_NB) != 0 {
            if errno == EWOULDBLOCK { throw .inUse(folder: path) }
            throw .unusable(path: name, reason: SegmentFile.lastError)
        }
    }

    deinit {
        if lock >= 0 { close(lock) }
    }

    /// Lets go of the folder; the object is of no use after this.
    func unlock() { flock(lock, LOCK_UN) }

    var positionPath: String { path + "/position.json" }

    func segmentPath(first: UInt64) -> String {
        let number = String(first)
        return path + "/" + String(repeating: "0", count: 20 - number.count) + number + ".segment"
    }

    /// First sequence numbers of the segment files that are there, ascending.
    func segments() throws(SpoolError) -> [UInt64] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            throw .unusable(path: path, reason: "it cannot be listed (\(error.localizedDescription))")
        }
        return names.filter { $0.hasSuffix(".segment") }.compactMap { UInt64($0.dropLast(8)) }.sorted()
    }

    func remove(_ file: String) throws(SpoolError) {
        guard unlink(file) == 0 || errno == ENOENT else {
            throw .unusable(path: file, reason: SegmentFile.lastError)
        }
    }
}
