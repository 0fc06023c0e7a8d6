// SPDX-License-Identifier: Apache-2.0

import Foundation
import JSONText

extension FixtureDay {
    /// All events, one a line.
    package var ndjson: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(events.reduce(0) { $0 + $1.json.count + 1 })
        for event in events {
            bytes.append(contentsOf: event.json)
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }

    /// The insiders as a JSON array, one a line: `identity`, `signal`, `story`, `expected`, `from` and `to` (ms since the epoch).
    package var insidersJSON: String {
        var writer = JSONWriter()
        writer.array { writer in
            for insider in insiders {
                writer.lineBreak()
                writer.object { writer in
                    writer.field("identity", insider.identity)
                    writer.field("signal", insider.signal.rawValue)
                    writer.field("story", insider.story)
                    writer.array("expected") { for rule in insider.expected { $0.field(nil, rule) } }
                    writer.field("from", insider.from)
                    writer.field("to", insider.to)
                }
            }
        }
        return String(decoding: writer.bytes, as: UTF8.self).dropLast() + "\n]\n"
    }

    /// The small files by name. `day.ndjson.gz` is not among them: compressing is the caller's.
    package var textFiles: [(name: String, text: String)] {
        [
            ("README.md", Self.readme), ("deployment.ics", calendarICS), ("identities.csv", identitiesCSV),
            ("insiders.json", insidersJSON),
        ]
    }

    /// Writes the fixture files into a folder, which is made if it is not there.
    ///
    /// - Parameters:
    ///   - folder: its path.
    ///   - compress: makes a gzip member (RFC 1952) of bytes, without name and time, so that the file stays the same.
    /// - Throws: `FixtureError` naming the file that could not be written, or what `compress` throws.
    package func writeFixtures(to folder: String, compress: ([UInt8]) throws -> [UInt8]) throws {
        let compressed = try compress(ndjson)
        let url = URL(filePath: folder, directoryHint: .isDirectory)
        do {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        } catch {
            throw FixtureError(
                "The folder \(folder) cannot be made: \(error.localizedDescription). Choose one that can be written.")
        }
        let files = textFiles.map { ($0.name, Data($0.text.utf8)) } + [("day.ndjson.gz", Data(compressed))]
        for (name, data) in files {
            do {
                try data.write(to: url.appending(path: name), options: .atomic)
            } catch {
                throw FixtureError(
                    "\(name) cannot be written to \(folder): \(error.localizedDescription). Check its permissions and the free space."
                )
            }
        }
    }

    private static let readme = """
        # Fixtures: one working day

        Made-up data: a day of normal work of 200 identities behind the gateway, and six insiders among them, one per signal and
        one who does a chain of them. Nothing here comes from a real person or company.

        | file | what it is |
        | --- | --- |
        | `day.ndjson.gz` | the audit events, OCSF 1.x JSON, one a line, in order of `time` |
        | `identities.csv` | the identity directory: uid, aliases (separated by `;`), kind, department, role, peer group, manager, end date |
        | `deployment.ics` | the deployment calendar: Tuesday and Thursday 22:00–02:00, Wednesday 10:00–12:00 in Berlin, a freeze, an exception |
        | `insiders.json` | who the insiders are, what they do, when (ms since the epoch), and which rules have to fire |

        Generated; do not edit. The same seed gives the same bytes:

        ```
        gatewatch fixtures --seed 1 --out fixtures
        ```

        Normal work comes near the thresholds and does not cross them: batches of 150 embedding requests in a minute, four mistyped
        passwords, services that retry with an expired token, approved checkpoint downloads in many ranged GETs, deployments inside
        the windows.

        """
}
