// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Foundation
import JSONText
import Paging
import Recordings

extension EvidenceCommand {
    struct Sessions: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Recorded sessions, the last active first.")

        @OptionGroup var common: IncidentsCommand.Common
        @Option(help: "Whose.")
        var identity: String?
        @Option(help: "Active from this day or time on.")
        var since: String?
        @OptionGroup var part: PageOptions
        @Flag(help: "One JSON object per line.")
        var json = false

        func run() throws {
            let page = try EvidenceCommand.telling {
                try common.recordings().sessions(
                    identity: identity, from: since.map { try EvidenceCommand.time($0, "--since") }, after: part.cursor,
                    limit: part.limit)
            }
            if json {
                for session in page.items {
                    var json = JSONWriter(capacity: 256)
                    json.object { session.write(to: &$0) }
                    Terminal.line(json.bytes)
                }
            } else if page.items.isEmpty {
                Terminal.print("there is no recorded session that fits")
            } else {
                var rows = [["ID", "SESSION", "WHO", "FROM", "TO", "EXCHANGES", "REFUSED", "IN", "OUT"]]
                for session in page.items {
                    rows.append([
                        String(session.id), Terminal.clean(session.session), Terminal.clean(session.identity),
                        Timestamp.iso8601(session.startedAt), Timestamp.iso8601(session.lastAt),
                        String(session.exchanges), String(session.refused), String(session.requestBytes),
                        String(session.responseBytes),
                    ])
                }
                Terminal.print(Terminal.table(rows))
            }
            PageOptions.tellMore(page.next)
        }
    }

    struct Replay: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows what somebody did in a session, as it went; who looks is recorded in the evidence.",
            discussion: """
                gatewatch evidence sessions --identity ana@example.com
                gatewatch evidence replay 17 --speed 10
                gatewatch evidence replay 5f0c… --identity ana@example.com --no-wait
                """)

        @OptionGroup var common: IncidentsCommand.Common
        @Argument(help: "The session, as the issuer named it, or its id of 'evidence sessions'.")
        var session: String
        @Option(help: "Whose, where several people had sessions of one name.")
        var identity: String?
        @Option(help: "So many times as fast as it was. No pause is longer than five seconds.")
        var speed = 1.0
        @Flag(help: "Without pauses.")
        var noWait = false
        @Option(name: .customLong("as"), help: "Your name, as the evidence keeps it.")
        var actor = NSUserName()

        func validate() throws {
            guard speed > 0, speed.isFinite else { throw ValidationError("--speed \(speed): write a number over 0.") }
        }

        func run() throws {
            try EvidenceCommand.telling {
                let store = try common.recordings()
                let session = try common.session(session, identity: identity, in: store)
                try common.note("recording.replay", session, by: actor)
                Terminal.print(
                    "\(Terminal.clean(session.identity)), session \(Terminal.clean(session.session)), "
                        + "\(session.exchanges) exchanges from \(Timestamp.iso8601(session.startedAt))")
                var cursor: String?
                var last: Int64 = 0
                repeat {
                    let page = try store.replay(session, after: cursor)
                    for step in page.items {
                        if !noWait {
                            Thread.sleep(forTimeInterval: min(5, Double(step.offset - last) / 1000 / speed))
                        }
                        last = step.offset
                        Terminal.print(Self.text(step))
                    }
                    cursor = page.next
                } while cursor != nil
            }
        }

        private static func text(_ step: ReplayStep) -> String {
            let recording = step.stored.recording
            let query = recording.query.map { "?" + $0 } ?? ""
            var lines = [
                "",
                "+\(clock(step.offset))  \(recording.method) \(recording.path)\(query)",
                "    \(recording.operation) \(recording.resources.map(\.name).joined(separator: ", "))",
            ]
            lines += body(recording.request).map { "  > " + $0 }
            let reason = recording.reason.map { " (\($0))" } ?? ""
            lines.append("  < \(recording.status) \(recording.decision.rawValue)\(reason), \(recording.duration) ms")
            lines += body(recording.response).map { "  < " + $0 }
            return lines.map(Terminal.clean).joined(separator: "\n")
        }

        private static func body(_ message: Recording.Message) -> [String] {
            let size = "\(message.length) bytes\(message.contentType.map { " of \($0)" } ?? "")"
            if let omitted = message.omitted { return ["\(size), not recorded (\(omitted.rawValue))"] }
            guard let body = message.body else { return message.length > 0 ? [size] : [] }
            return body.split(separator: "\n").map(String.init) + (message.isTruncated ? ["… of \(size)"] : [])
        }

        /// `1:02:03.004`.
        private static func clock(_ offset: Int64) -> String {
            func digits(_ value: Int64, _ count: Int) -> String {
                let text = String(value)
                return String(repeating: "0", count: max(0, count - text.count)) + text
            }
            let (hours, minutes, seconds) = (offset / 3_600_000, offset / 60_000 % 60, offset / 1000 % 60)
            return "\(hours):\(digits(minutes, 2)):\(digits(seconds, 2)).\(digits(offset % 1000, 3))"
        }
    }

    /// Says what the person can mend as such.
    static func telling<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as BadCursor {
            throw ValidationError("\(error).")
        } catch let error as RecordingDamage {
            throw Refused("\(error)")
        }
    }

    /// The recordings that fit, the latest first.
    static func search(
        _ store: RecordingStore, _ filter: RecordingFilter, after cursor: String?, limit: Int, json: Bool
    ) throws {
        var rows = [["AT", "WHO", "SESSION", "DECISION", "STATUS", "OPERATION", "RESOURCE", "OUT", "WHAT", "UID"]]
        var cursor = cursor
        var found = 0
        repeat {
            let page = try telling {
                try store.search(filter, after: cursor, limit: min(limit - found, RecordingStore.maximumPage))
            }
            for item in page.items {
                if json {
                    var json = JSONWriter(capacity: 512)
                    json.object { item.write(to: &$0) }
                    Terminal.line(json.bytes)
                } else {
                    rows.append([
                        Timestamp.iso8601(item.at), Terminal.clean(item.identity ?? "-"),
                        item.sessionID.map(String.init) ?? "-", item.decision.rawValue, String(item.status),
                        Terminal.clean(item.operation), Terminal.clean(item.resource ?? "-"),
                        String(item.responseBytes), Terminal.clean("\(item.method) \(item.path)"),
                        Terminal.clean(item.uid),
                    ])
                }
            }
            found += page.items.count
            cursor = page.next
        } while cursor != nil && found < limit
        if !json { Terminal.print(rows.count == 1 ? "no recording fits" : Terminal.table(rows)) }
        PageOptions.tellMore(cursor)
    }
}
