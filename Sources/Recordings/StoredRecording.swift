// SPDX-License-Identifier: Apache-2.0

import GRDB
package import JSONText

/// What lists show of a recording: nothing of its contents.
package struct RecordingSummary: Sendable, Equatable {
    /// The row in the chain, from 1; also the order of lists.
    package var sequence: Int64
    package var uid: String
    /// When the exchange ended, ms since the epoch, UTC.
    package var at: Int64
    /// When the hub took it in.
    package var receivedAt: Int64
    package var identity: String?
    /// Of ``RecordedSession``.
    package var sessionID: Int64?
    package var connection: String?
    package var operation: String
    /// The first one, `type:name`.
    package var resource: String?
    package var method: String
    package var path: String
    package var status: Int
    package var decision: Recording.Decision
    package var items: Int?
    package var requestBytes: Int64
    package var responseBytes: Int64

    static let columns = """
        r.sequence, r.uid, r.at, r.received_at, r.identity, r.session_id, r.connection, r.operation, r.resource, r.method,
        r.path, r.status, r.decision, r.items, r.request_bytes, r.response_bytes
        """

    init(_ row: Row) {
        sequence = row["sequence"]
        uid = row["uid"]
        at = row["at"]
        receivedAt = row["received_at"]
        identity = row["identity"]
        sessionID = row["session_id"]
        connection = row["connection"]
        operation = row["operation"]
        resource = row["resource"]
        method = row["method"]
        path = row["path"]
        status = row["status"]
        decision = Recording.Decision(rawValue: row["decision"]) ?? .failed
        items = row["items"]
        requestBytes = row["request_bytes"]
        responseBytes = row["response_bytes"]
    }

    /// Members of an object of JSON.
    package func write(to json: inout JSONWriter) {
        json.field("uid", uid)
        json.field("time", at)
        json.field("received_at", receivedAt)
        if let identity { json.field("identity", identity) }
        if let sessionID { json.field("session_id", sessionID) }
        if let connection { json.field("connection", connection) }
        json.field("operation", operation)
        if let resource { json.field("resource", resource) }
        json.field("method", method)
        json.field("path", path)
        json.field("status", status)
        json.field("decision", decision.rawValue)
        if let items { json.field("items", items) }
        json.field("request_bytes", requestBytes)
        json.field("response_bytes", responseBytes)
    }
}

/// A recording with its contents. Who hands it to a person records that in the evidence.
package struct StoredRecording: Sendable, Equatable {
    package var sequence: Int64
    package var receivedAt: Int64
    package var recording: Recording
    /// The recording's JSON as it came from Kafka.
    package var content: [UInt8]
    /// The row's hash, lower-case hexadecimal.
    package var hash: String

    init(_ row: Row) throws(RecordingDamage) {
        sequence = row["sequence"]
        receivedAt = row.number("received_at") ?? -1
        hash = row.bytes("hash").hexadecimal
        guard let content = Compressor.expand(row.bytes("content"), count: Int(row.number("content_bytes") ?? -1))
        else {
            throw RecordingDamage(sequence: sequence, reason: "cannot be decompressed")
        }
        self.content = content
        do throws(UnreadableRecording) {
            recording = try Recording(json: content)
        } catch {
            throw RecordingDamage(sequence: sequence, reason: "cannot be read: \(error)")
        }
    }

    static let columns = "r.sequence, r.received_at, r.hash, r.content_bytes, r.content"

    /// One line of an export: enough to check the chain by, with the row before.
    package var json: [UInt8] {
        var json = JSONWriter(capacity: content.count + 256)
        json.object {
            $0.field("sequence", sequence)
            $0.field("received_at", receivedAt)
            $0.field("hash", hash)
        }
        return json.bytes.dropLast() + Array(",\"recording\":".utf8) + content + [UInt8(ascii: "}")]
    }
}

/// A row whose content is not a recording any more.
package struct RecordingDamage: Error, Sendable, Equatable, CustomStringConvertible {
    package let sequence: Int64
    package let reason: String
    package var description: String {
        "row \(sequence) of the recordings \(reason). Run 'gatewatch evidence verify' on the hub."
    }
}

/// What one identity did under one session id.
package struct RecordedSession: Sendable, Equatable {
    package var id: Int64
    /// As the issuer named it.
    package var session: String
    package var identity: String
    /// The first and the last exchange, ms since the epoch, UTC.
    package var startedAt: Int64
    package var lastAt: Int64
    package var exchanges: Int
    /// Exchanges that were not allowed.
    package var refused: Int
    package var requestBytes: Int64
    package var responseBytes: Int64
    /// Of its first exchange to arrive.
    package var address: String?

    init(_ row: Row) {
        id = row["id"]
        session = row["session"]
        identity = row["identity"]
        startedAt = row["started_at"]
        lastAt = row["last_at"]
        exchanges = row["exchanges"]
        refused = row["refused"]
        requestBytes = row["request_bytes"]
        responseBytes = row["response_bytes"]
        address = row["address"]
    }

    /// Members of an object of JSON.
    package func write(to json: inout JSONWriter) {
        json.field("id", id)
        json.field("session", session)
        json.field("identity", identity)
        json.field("started_at", startedAt)
        json.field("last_at", lastAt)
        json.field("exchanges", exchanges)
        json.field("refused", refused)
        json.field("request_bytes", requestBytes)
        json.field("response_bytes", responseBytes)
        if let address { json.field("address", address) }
    }
}

/// One exchange of a replay.
package struct ReplayStep: Sendable, Equatable {
    /// ms since the session's first exchange.
    package var offset: Int64
    package var stored: StoredRecording
}
