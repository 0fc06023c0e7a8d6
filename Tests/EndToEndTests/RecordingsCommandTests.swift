// SPDX-License-Identifier: Apache-2.0

import Delivery
import Foundation
import GRDB
import Incidents
import Recordings
import Signing
import Testing

extension EndToEnd {
    /// `gatewatch evidence` beside a hub's recordings.
    @Suite struct RecordingsByHand {
        /// A hub's folder with a session of three exchanges, one of which would steer the terminal.
        private func prepare(_ stage: Stage) throws -> [String] {
            try FileManager.default.createDirectory(atPath: stage.path("hub"), withIntermediateDirectories: true)
            try IncidentSchema.migrate(try OutboxSchema.open(path: stage.path("hub/hub.sqlite")))
            let store = try RecordingStore(path: stage.path("hub/recordings.sqlite"))
            let morning: Int64 = 1_795_075_200_000
            let records = (1...3).map { number in
                var recording = Recording(
                    uid: "uid-\(number)", at: morning + Int64(number) * 60_000, operation: "vectors.query",
                    method: "POST", path: "/vectors/docs-\(number)\u{1B}[2J", status: number == 3 ? 403 : 200,
                    decision: number == 3 ? .denied : .allowed, duration: 7)
                recording.identity = "ana@example.com"
                recording.session = "s-1"
                recording.request.set(body: "{\"note\":\"blue whale \(number)\u{1B}[2J\"}")
                recording.request.length = 30
                return ReceivedRecording(
                    topic: "gatewatch.recordings", partition: 0, offset: Int64(number), payload: recording.json)
            }
            _ = try store.store(records, now: morning)
            let key = try SigningKey.generate(name: "hub-1")
            _ = try store.sign(by: key, now: morning)
            try stage.write("trusted.yml", "keys:\n  - { name: hub-1, role: hub, key: \"\(key.publicText)\" }\n")
            return ["--state", stage.path("hub")]
        }

        @Test func aSessionIsFoundReplayedExportedAndProven() async throws {
            try await Stage.with { stage in
                let common = try prepare(stage)
                func evidence(_ arguments: String...) async throws -> (status: Int32, output: String, errors: String) {
                    let run = try await stage.run(["evidence"] + arguments + common)
                    #expect(!run.output.contains("\u{1B}"), "\(arguments)")
                    return (run.status, run.output, run.errors)
                }
                let found = try await evidence(
                    "search", "--recordings", "--decision", "denied", "--text", "\"blue whale\"")
                #expect(found.status == 0 && found.output.contains("uid-3") && !found.output.contains("uid-1"))
                let json = try await evidence("search", "--recordings", "--limit", "2", "--json")
                #expect(json.output.split(separator: "\n").count == 2 && json.errors.contains("more with --cursor 2"))
                #expect(try await evidence("search", "--recordings", "--actor", "ana").status == 2)
                #expect(try await evidence("search", "--identity", "ana").status == 2)
                #expect(try await evidence("search", "--recordings", "--cursor", "x").status == 2)
                #expect(try await evidence("sessions").output.contains("ana@example.com"))

                let replay = try await evidence("replay", "s-1", "--no-wait", "--as", "ben")
                let steps = [
                    "+0:00:00.000  POST /vectors/docs-1", "+0:01:00.000", "+0:02:00.000", "403 denied", "blue whale 2",
                ]
                for step in steps { #expect(replay.output.contains(step), "\(step) in \(replay.output)") }
                #expect(try await evidence("replay", "nobody's", "--no-wait").status == 1)
                let export = try await evidence("export", "--session", "1", "--as", "ben")
                let lines = export.output.split(separator: "\n").map {
                    try? JSONSerialization.jsonObject(with: Data($0.utf8))
                }
                #expect(lines.count == 3 && lines.allSatisfy { ($0 as? [String: Any])?["recording"] is [String: Any] })
                // Who looked is told, also where nothing was there to see.
                let looked = try await evidence("search", "--action", "recording.*", "--json")
                #expect(looked.output.split(separator: "\n").count == 2, "\(looked.output)")
                #expect(looked.output.contains("recording.replay") && looked.output.contains("\"actor\":\"ben\""))

                let keys = ["--trusted-keys", stage.path("trusted.yml")]
                let proof = try await stage.run(["evidence", "verify"] + keys + common)
                #expect(proof.status == 0 && proof.output.contains("3 recordings fit, up to row 3"), "\(proof)")
                let queue = try DatabaseQueue(path: stage.path("hub/recordings.sqlite"))
                try await queue.write { try $0.execute(sql: "DELETE FROM recordings WHERE sequence = 2") }
                let broken = try await stage.run(["evidence", "verify"] + keys + common)
                #expect(broken.status == 1 && broken.errors.contains("row 2 of the recordings is missing"), "\(broken)")
            }
        }
    }
}
