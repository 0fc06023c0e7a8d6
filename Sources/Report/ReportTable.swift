// SPDX-License-Identifier: Apache-2.0

/// A table of a report, as HTML and CSV show it.
struct ReportTable {
    enum Cell {
        case text(String)
        /// An id or a name that people copy.
        case code(String)
        case number(Int64)
        /// With at most so many decimals.
        case decimal(Double, Int)
        /// With its sign.
        case signed(Double)
        case bytes(Int64)
        /// 0 to 1.
        case share(Double)
        /// ms since the epoch.
        case time(Int64)
        /// ms.
        case duration(Double)
        /// A level of risk or severity.
        case level(String)
        /// Values of a sparkline, oldest first, with the highest of the scale.
        case series([Double], top: Double)
        /// A number that there is not, and why in a word or two.
        case unknown(String)
        /// Not recorded.
        case missing

        var isNumber: Bool {
            switch self {
            case .number, .decimal, .signed, .bytes, .share, .duration, .unknown: true
            default: false
            }
        }

        static func text(orMissing text: String?) -> Cell { text.map { .text($0) } ?? .missing }
    }

    /// `risk_top`: the name of its file, and what stands before its rows.
    let id: String
    let title: String
    let columns: [String]
    let rows: [[Cell]]
    /// How many rows there are in all, where the table has not all of them.
    var total: Int?
}

extension WeeklyReport {
    /// Every table, in the order of the report.
    var tables: [ReportTable] {
        headerTables + riskTables + signalTables + assetTables + incidentTables + enforcementTables + accessTables
            + changeTables + detectionTables + recommendationTables + appendixTables
    }

    private typealias Cell = ReportTable.Cell

    var headerTables: [ReportTable] {
        [
            ReportTable(
                id: "gaps", title: "Hours without events", columns: ["From", "Hours"],
                rows: header.gaps.map { [.time($0.from), .number(Int64($0.hours))] }),
            ReportTable(
                id: "incidents_by_severity", title: "Incidents opened",
                columns: ["Severity", "This week", "Week before"],
                rows: summary.incidentsBySeverity.map {
                    [.level($0.severity), .number(Int64($0.opened)), .number(Int64($0.openedBefore))]
                }),
        ]
    }

    var riskTables: [ReportTable] {
        let top = risk.top.flatMap(\.history).max() ?? 0
        func table(_ id: String, _ title: String, _ list: [RiskMovement.Identity], total: Int? = nil) -> ReportTable {
            ReportTable(
                id: id, title: title,
                columns: ["Identity", "Role", "Peer group", "Score", "Level", "Δ", "8 weeks", "Made up of"],
                rows: list.map { identity in
                    [
                        .code(identity.who.name), .text(orMissing: identity.role), .text(orMissing: identity.peerGroup),
                        .decimal(identity.score, 1), .level(identity.level), .signed(identity.delta),
                        .series(identity.history, top: max(top, 100)),
                        .text(
                            identity.terms.prefix(4).map { term in
                                "\(term.rule) \(Self.points(term.points))"
                                    + (term.alerts > 1 ? " (\(term.alerts))" : "")
                            }.joined(separator: " + ")),
                    ]
                }, total: total)
        }
        return [
            ReportTable(
                id: "risk_bands", title: "Identities by level of risk",
                columns: ["Level"] + risk.weeks.map { String($0.suffix(3)) },
                rows: risk.bands.reversed().map { band in [.level(band.level)] + band.counts.map { .number(Int64($0)) }
                }),
            table("risk_top", "Highest risk", risk.top, total: risk.identities),
            table("risk_risers", "Risers", risk.risers), table("risk_fallers", "Fallers", risk.fallers),
        ]
    }

    private static func points(_ value: Double) -> String { ReportTable.plain(value, 1) }

    var signalTables: [ReportTable] {
        var tables = [
            ReportTable(
                id: "signals", title: "Signals",
                columns: ["Signal", "Alerts", "Δ", "Identities", "Judged", "Precision"],
                rows: signals.families.map { family in
                    [
                        .text(family.title), .number(Int64(family.alerts)),
                        .signed(Double(family.alerts - family.alertsBefore)), .number(Int64(family.identities)),
                        .number(Int64(family.judged)), family.precision.map { .share($0) } ?? .unknown("not judged"),
                    ]
                }),
            ReportTable(
                id: "signals_by_hour", title: "Alerts by weekday and hour",
                columns: ["Weekday"] + (0..<24).map { $0 < 10 ? "0\($0)" : "\($0)" },
                rows: zip(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], signals.heat).map { day, hours in
                    [.text(day)] + hours.map { .number(Int64($0)) }
                }),
        ]
        for (id, title, volume) in [
            ("bytes_out", "Bytes out per day", signals.bytesOut),
            ("vectors_out", "Vectors out per day", signals.vectorsOut),
        ] {
            guard let volume else { continue }
            func cell(_ value: Double) -> Cell { id == "bytes_out" ? .bytes(Int64(value)) : .number(Int64(value)) }
            tables.append(
                ReportTable(
                    id: id, title: title, columns: ["Day", "Amount", "Expected", "Low", "High", "Limit"],
                    rows: volume.days.indices.map { day in
                        [.text(volume.days[day]), cell(volume.values[day])]
                            + [volume.expected[day], volume.low[day], volume.high[day], volume.limit[day]].map {
                                $0.map(cell) ?? .missing
                            }
                    }))
        }
        return tables
    }

    var assetTables: [ReportTable] {
        assets.groups.map { group in
            ReportTable(
                id: "assets_\(group.kind)", title: group.kind.prefix(1).uppercased() + group.kind.dropFirst(),
                columns: [
                    "Asset", "Type", "Connection", "Reached by", "First-time", "Requests", "Items", "Bytes out",
                    "Week before",
                    "Denied", "Unapproved",
                ],
                rows: group.assets.map { asset in
                    [
                        .code(asset.name), .text(asset.type), .text(asset.connection), .number(Int64(asset.identities)),
                        .number(Int64(asset.firstTime)), .number(asset.events), .number(asset.items),
                        .bytes(asset.bytesOut), .bytes(asset.bytesOutBefore), .number(asset.denied),
                        .number(asset.unapproved),
                    ]
                }, total: group.count)
        } + [
            ReportTable(
                id: "unapproved", title: "Taken without an approval",
                columns: ["Identity", "Asset", "Connection", "Requests", "Items", "Bytes out"],
                rows: assets.unapproved.map { row in
                    [
                        .code(row.who.name), .code(row.asset), .text(row.connection), .number(row.events),
                        .number(row.items), .bytes(row.bytesOut),
                    ]
                }, total: assets.unapprovedCount),
            ReportTable(
                id: "unapproved_by_connection", title: "Taken without an approval, by connection",
                columns: ["Connection", "Identities", "Requests", "Bytes out"],
                rows: assets.unapprovedByConnection.map { row in
                    [.text(row.connection), .number(Int64(row.identities)), .number(row.events), .bytes(row.bytesOut)]
                }),
        ]
    }

    var incidentTables: [ReportTable] {
        [
            ReportTable(
                id: "incidents", title: "Incidents",
                columns: [
                    "Incident", "Severity", "Identity", "Title", "Opened", "Last alert", "Alerts", "Risk", "Bytes",
                    "Items", "Status", "Owner", "Decision",
                ],
                rows: incidents.list.map { incident in
                    [
                        .code(incident.id), .level(incident.severity), incident.who.map { .code($0.name) } ?? .missing,
                        .text(incident.title), .time(incident.openedAt), .time(incident.lastAlertAt),
                        .number(Int64(incident.alerts)), incident.riskScore.map { .number(Int64($0)) } ?? .missing,
                        .bytes(incident.bytes), .number(incident.items), .text(incident.status),
                        .text(incident.owner ?? "nobody"), .text(incident.disposition ?? "none"),
                    ]
                }, total: incidents.count)
        ]
    }

    var recommendationTables: [ReportTable] {
        [
            ReportTable(
                id: "recommendations", title: "Recommendations",
                columns: ["Rank", "What", "Owner", "Expected effect", "Since"],
                rows: recommendations.map { item in
                    [
                        .number(Int64(item.rank)), .text(item.text), .text(item.owner), .text(item.effect),
                        .text(item.isRepeated ? "last week or before" : "this week"),
                    ]
                }),
            ReportTable(
                id: "carried_over", title: "Recommended last week", columns: ["What", "Done"],
                rows: carriedOver.map { [.text($0.text), .text($0.isDone ? "done" : "not done")] }),
        ]
    }

    var appendixTables: [ReportTable] {
        [
            ReportTable(
                id: "thresholds", title: "Thresholds in force", columns: ["What", "Value"],
                rows: appendix.thresholds.map { [.text($0.name), .text($0.value)] }),
            ReportTable(
                id: "dictionary", title: "Data dictionary", columns: ["Word", "Meaning"],
                rows: appendix.dictionary.map { [.text($0.term), .text($0.meaning)] }),
        ]
    }
}
