// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Recordings
import Signing
import Testing

/// 2026-11-18 08:00 UTC, ms.
let morning: Int64 = 1_795_075_200_000
let day: Int64 = 86_400_000

/// A file of recordings that goes away with the test, and a hub's key.
final class Archive {
    let path: String
    let store: RecordingStore
    let key: SigningKey
    let keys: TrustedKeys
    private var offset: Int64 = 0

    init() throws {
        path = NSTemporaryDirectory() + "recordings-\(UUID().uuidString).sqlite"
        store = try RecordingStore(path: path)
        key = try SigningKey.generate(name: "hub-1")
        keys = try TrustedKeys([TrustedKey(name: "hub-1", role: .hub, may: [], publicText: key.publicText)])
    }

    deinit {
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }

    @discardableResult
    func store(_ recordings: [Recording], now: Int64 = morning) throws -> RecordingStore.Outcome {
        try store.store(recordings.map { received($0.json) }, now: now)
    }

    func received(_ payload: [UInt8]?) -> ReceivedRecording {
        offset += 1
        return ReceivedRecording(topic: "gatewatch.recordings", partition: 0, offset: offset - 1, payload: payload)
    }

    /// As somebody does who has the file and no key.
    func tamper(_ sql: String) throws {
        let queue = try DatabaseQueue(path: path)
        try queue.write { db in try db.execute(sql: "DROP TRIGGER IF EXISTS recordings_stay; " + sql) }
        try queue.close()
    }

    func verify(noted: ChainHead? = nil) throws -> RecordingVerification { try store.verify(keys: keys, noted: noted) }
}

/// The numbered exchange of somebody.
func exchange(
    _ number: Int, _ identity: String = "ana@example.com", session: String? = "s-1",
    decision: Recording.Decision = .allowed, connection: String = "vectors", body: String? = nil,
    at: Int64? = nil
) -> Recording {
    var recording = Recording(
        uid: "uid-\(number)", at: at ?? morning + Int64(number) * 1000, operation: "vectors.query", method: "POST",
        path: "/vectors/collections/docs-\(number)/points/query", status: decision == .allowed ? 200 : 403,
        decision: decision, duration: 3)
    recording.identity = identity
    recording.session = session
    recording.connection = connection
    recording.resources = [.init(type: "collection", name: "docs-\(number)"), .init(type: "collection", name: "all")]
    recording.address = "192.0.2.7"
    recording.request.headers = [.init(name: "content-type", value: "application/json")]
    recording.request.length = 40
    recording.request.body = body ?? #"{"limit":\#(number),"note":"quarterly report"}"#
    recording.response.length = 1000
    recording.response.isTruncated = true
    return recording
}
