// SPDX-License-Identifier: Apache-2.0

import Activity
import AuditEvent
import Charts
import JSONText

/// What an identity did in a time range, for people and programs.
struct ActivityView {
    let identity: ActiveIdentity
    let range: Range<Int64>
    let operations: [ActivityStore.OperationSums]
    let reach: [ActivityReach]
    let sessions: [ActivitySession]
    let changes: [ActivityChange]

    /// Bytes in IEC units.
    static func bytes(_ count: Int64) -> String { ChartUnit.bytes.text(Double(count)) }

    static func table(_ reach: [ActivityReach], showsIdentity: Bool) -> String {
        Terminal.table(
            [
                [
                    showsIdentity ? "IDENTITY" : "RESOURCE", "TYPE", "CONNECTION", "EVENTS", "ITEMS", "OUT", "DENIED",
                    "UNAPPROVED", "FIRST", "LAST",
                ]
            ]
                + reach.map {
                    [
                        Terminal.clean(showsIdentity ? $0.identity : $0.resource.name),
                        Terminal.clean($0.resource.type), Terminal.clean($0.resource.connection), "\($0.events)",
                        "\($0.items)", bytes($0.bytesOut), "\($0.denied)", "\($0.unapproved)",
                        Timestamp.iso8601($0.firstAt), Timestamp.iso8601($0.lastAt),
                    ]
                })
    }

    var text: String {
        var parts = [
            """
            \(Terminal.clean(identity.identity))  \(identity.kind ?? "")  \(Terminal.clean(identity.name ?? ""))  \
            \(Terminal.clean(identity.email ?? ""))
            groups \(identity.groups.isEmpty ? "unknown" : Terminal.clean(identity.groups.joined(separator: ", ")))
            first seen \(Timestamp.iso8601(identity.firstAt)), last \(Timestamp.iso8601(identity.lastAt))
            from \(Timestamp.iso8601(range.lowerBound)) to \(Timestamp.iso8601(range.upperBound)):
            """
        ]
        func part(_ title: String, _ rows: [[String]], _ header: [String]) {
            parts.append(rows.isEmpty ? "\(title): none" : "\(title)\n\(Terminal.table([header] + rows))")
        }
        part(
            "operations",
            operations.map {
                [
                    $0.operation, Terminal.clean($0.connection), $0.decision.name, "\($0.sums.events)",
                    "\($0.sums.items)", Self.bytes($0.sums.bytesIn), Self.bytes($0.sums.bytesOut),
                ]
            }, ["OPERATION", "CONNECTION", "DECISION", "EVENTS", "ITEMS", "IN", "OUT"])
        parts.append(reach.isEmpty ? "resources: none" : "resources\n" + Self.table(reach, showsIdentity: false))
        part(
            "sessions (the latest)",
            sessions.map {
                [
                    Terminal.clean($0.session), Timestamp.iso8601($0.startedAt), Timestamp.iso8601($0.lastAt),
                    "\($0.events)", "\($0.denied)", Self.bytes($0.bytesOut), Terminal.clean($0.address ?? "-"),
                    Terminal.clean($0.userAgent ?? "-"),
                ]
            }, ["SESSION", "BEGAN", "LAST", "EVENTS", "DENIED", "OUT", "ADDRESS", "USER AGENT"])
        part(
            "changes",
            changes.map {
                [
                    Timestamp.iso8601($0.at), $0.operation, Terminal.clean($0.resource?.name ?? "-"), $0.decision,
                    Terminal.clean($0.change ?? "no change id"), Terminal.clean($0.approval ?? "-"),
                ]
            }, ["AT", "OPERATION", "RESOURCE", "DECISION", "CHANGE", "APPROVAL"])
        return parts.joined(separator: "\n\n")
    }

    var json: [UInt8] {
        var json = JSONWriter(capacity: 4096)
        json.object { json in
            identity.write(to: &json)
            json.field("from", range.lowerBound)
            json.field("to", range.upperBound)
            json.array("operations") { json in
                for row in operations {
                    json.object {
                        $0.field("operation", row.operation)
                        if let accessClass = row.accessClass { $0.field("access_class", accessClass.rawValue) }
                        $0.field("connection", row.connection)
                        $0.field("decision", row.decision.name)
                        $0.field("events", row.sums.events)
                        $0.field("items", row.sums.items)
                        $0.field("bytes_in", row.sums.bytesIn)
                        $0.field("bytes_out", row.sums.bytesOut)
                    }
                }
            }
            json.array("resources") { json in for row in reach { json.object { row.write(to: &$0) } } }
            json.array("sessions") { json in
                for row in sessions {
                    json.object {
                        $0.field("session", row.session)
                        $0.field("started_at", row.startedAt)
                        $0.field("last_at", row.lastAt)
                        if let address = row.address { $0.field("address", address) }
                        if let userAgent = row.userAgent { $0.field("user_agent", userAgent) }
                        $0.field("events", row.events)
                        $0.field("denied", row.denied)
                        $0.field("items", row.items)
                        $0.field("bytes_out", row.bytesOut)
                    }
                }
            }
            json.array("changes") { json in
                for row in changes {
                    json.object {
                        $0.field("event", row.event)
                        $0.field("at", row.at)
                        $0.field("operation", row.operation)
                        if let resource = row.resource { $0.field("resource", resource.name) }
                        $0.field("decision", row.decision)
                        if let change = row.change { $0.field("change_id", change) }
                        if let approval = row.approval { $0.field("approval_id", approval) }
                    }
                }
            }
        }
        return json.bytes
    }
}

extension ActiveIdentity {
    func write(to json: inout JSONWriter) {
        json.field("identity", identity)
        if let name { json.field("name", name) }
        if let email { json.field("email", email) }
        if let kind { json.field("kind", kind) }
        json.array("groups", groups) { json, group in json.field(nil, group) }
        json.field("first_at", firstAt)
        json.field("last_at", lastAt)
    }
}

extension ActivityReach {
    func write(to json: inout JSONWriter) {
        json.field("identity", identity)
        json.field("connection", resource.connection)
        json.field("type", resource.type)
        json.field("name", resource.name)
        json.field("first_at", firstAt)
        json.field("last_at", lastAt)
        json.field("events", events)
        json.field("items", items)
        json.field("bytes_out", bytesOut)
        json.field("denied", denied)
        json.field("unapproved", unapproved)
    }
}

extension ActivityCoverage {
    func write(to json: inout JSONWriter, positions: [ActivityStore.Position]) {
        if let firstHour { json.field("first_hour", firstHour) }
        if let lastHour { json.field("last_hour", lastHour) }
        json.field("events", events)
        json.field("unreadable", unreadable)
        json.field("covered_hours", coveredHours)
        json.field("hours", hours)
        json.array("gaps") { json in
            for gap in gaps {
                json.object {
                    $0.field("from", gap.lowerBound)
                    $0.field("to", gap.upperBound)
                }
            }
        }
        json.array("positions") { json in
            for position in positions {
                json.object {
                    $0.field("topic", position.topic)
                    $0.field("partition", position.partition)
                    $0.field("next_offset", position.nextOffset)
                }
            }
        }
    }
}
