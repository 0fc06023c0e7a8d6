// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditEvent
import Detection
import Detectors
import Foundation
import Kafka
import Logging
import Metrics
import Sigma
import Telemetry
import YAMLDocument

/// How a process logs.
struct LogOptions: ParsableArguments {
    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: String?

    @Option(help: "text for people, json for collectors.")
    var logFormat = LogFormat.text

    mutating func validate() throws {
        if let logLevel, Logger.Level(rawValue: logLevel) == nil {
            let known = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--log-level \(logLevel): write one of \(known).")
        }
    }

    /// A logger to standard error.
    func logger(_ label: String, default level: Logger.Level = .info) -> Logger {
        let level = logLevel.flatMap(Logger.Level.init(rawValue:)) ?? level
        return Logger(label: label) { logFormat.handler(label: $0, level: level) }
    }
}

extension LogFormat: ExpressibleByArgument {}

/// What rules need besides their own files.
struct RuleOptions: ParsableArguments {
    @Option(help: "iCalendar file for every gatewatch: outside, in place of the one that a rule names.")
    var calendar: String?
    @Option(help: "Values of |expand placeholders: YAML, name → list.")
    var lists: String?

    func load(_ paths: [String]) throws -> DetectorFiles {
        try DetectorFiles(paths: paths, calendar: calendar, lists: lists)
    }
}

/// How events read.
struct EventOptions: ParsableArguments {
    @Option(help: "How events read: \(Mapping.builtInNames.joined(separator: ", ")), or a mapping file; ocsf without.")
    var mapping: String?
    @Option(help: "Identity directory, CSV or NDJSON.")
    var identities: String?

    func directory() throws -> IdentityDirectory? {
        try identities.map { try IdentityDirectory(path: $0) }
    }
}

/// A log that was recorded, and how it is read.
struct LogInputOptions: ParsableArguments {
    @Option(
        parsing: .upToNextOption,
        help: "NDJSON files, gzip or not, or folders of *.ndjson, *.jsonl and *.json; - is standard input.")
    var input: [String] = []
    @OptionGroup var events: EventOptions
    @Option(help: "Field of the event time, in place of the mapping's.")
    var timeField: String?
    @Option(
        help: "Year of each file's first line, where lines of text have none; without, by the file's own time.")
    var year: Int?
    @Option(help: "How much earlier than the latest event one may be and still count.")
    var lateness = "60s"
    @Flag(help: "Order the input by time first, in memory: for logs that are not written in order.")
    var sort = false
    @Flag(help: "Fire again at every event at which a condition holds.")
    var noSuppress = false
    @Option(help: "Threads that run engines; one per core without. The alerts are the same.")
    var jobs: Int?
    @Option(help: "The largest event, in bytes.")
    var maximumEventBytes = 1 << 20
    @Flag(help: "Show how far it is, also where standard error is no terminal.")
    var progress = false

    mutating func validate() throws {
        if Timespan(lateness) == nil { throw ValidationError("--lateness \(lateness): write 60s, 10m or 1h.") }
        if let jobs, !(1...256).contains(jobs) { throw ValidationError("--jobs is 1 to 256.") }
    }

    /// For commands that are about a log.
    func requireInput() throws {
        if input.isEmpty { throw ValidationError("Missing expected argument '--input <input> ...'") }
    }

    /// The mapping's name as given.
    var mappingName: String { events.mapping ?? "ocsf" }

    func setup(_ files: DetectorFiles) throws -> DetectorSetup {
        var mapping = try Mapping.named(mappingName)
        if let timeField { mapping = mapping.takingTime(from: timeField) }
        return DetectorSetup(
            files, mapping: mapping, directory: try events.directory(), limits: .init(maximumBytes: maximumEventBytes))
    }

    /// A run of a setup over the input. It is made before it starts, so that what is wrong is told before anything is printed.
    func backtest(_ setup: DetectorSetup) throws -> Backtest {
        try Backtest(
            setup, files: try LogFiles(input, lines: setup.mapping.lines, year: year),
            options: .init(
                lateness: Timespan(lateness)?.milliseconds ?? 60_000, suppresses: !noSuppress,
                jobs: jobs ?? ProcessInfo.processInfo.activeProcessorCount))
    }

    /// Says of how many events the time is not known: a wrong `--time-field` must not look like a log of 1970.
    ///
    /// - Throws: `LineReader.ReadError` when a field was asked for that no event has.
    func checkTimes(_ summary: BacktestSummary) throws {
        guard summary.withoutTime > 0 else { return }
        let field = timeField.map { " '\($0)'" } ?? ""
        if summary.withoutTime == summary.events {
            guard timeField == nil else {
                throw LineReader.ReadError(
                    "--time-field\(field): no event has this field. Name the field of the time; dots descend.")
            }
            Terminal.error(
                "warning: no event has a time, so all count as \(Timestamp.iso8601(0)). Name its field with --time-field."
            )
        } else {
            Terminal.error(
                "warning: \(summary.withoutTime) of \(counted(summary.events, "event")) without a time\(timeField == nil ? "" : " in")\(field); they count as of the time of the event before."
            )
        }
    }

    /// Runs it and says how far it is.
    func run(_ backtest: Backtest, _ emit: (Alert) -> Void) throws {
        var line = ProgressLine(isForced: progress)
        try backtest.run(sorted: sort) { alert in
            line.clear()
            emit(alert)
        } progress: {
            line.show($0)
        }
        line.clear()
    }
}

/// Where Kafka is.
struct KafkaOptions: ParsableArguments {
    @Option(help: "Configuration file (YAML); see deploy/gatewatch.yml.")
    var config: String?

    @Option(help: "Kafka's bootstrap.servers, before what the file says.")
    var bootstrapServers: String?

    @Option(
        name: .customShort("X"),
        help: ArgumentHelp("A librdkafka property, before what the file says.", valueName: "key=value"))
    var property: [String] = []

    func file() throws -> ConfigurationFile {
        guard let config else { return .empty }
        return try ConfigurationFile(path: config)
    }

    func properties(_ file: ConfigurationFile) throws -> KafkaProperties {
        var values = file.kafka.values
        for pair in property {
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw ValidationError("-X \(pair): write key=value.") }
            values[parts[0]] = parts[1]
        }
        if let bootstrapServers { values["bootstrap.servers"] = bootstrapServers }
        guard values["bootstrap.servers"] != nil else {
            throw ValidationError(
                "No Kafka: give --bootstrap-servers HOST:PORT, or --config with kafka: { bootstrap.servers: … }.")
        }
        return KafkaProperties(values)
    }
}

/// The process's metrics, in force for everything that uses swift-metrics.
func startMetrics() -> PrometheusMetrics {
    let metrics = PrometheusMetrics(help: [
        "gatewatch_events_total": "Audit events read.",
        "gatewatch_events_rejected_total": "Events that went to the rejected topic, by reason.",
        "gatewatch_events_late_total": "Events that came later than the allowed lateness.",
        "gatewatch_events_without_identity_total": "Events in which no identity was found.",
        "gatewatch_alerts_total": "Alerts, by rule and its status; those of experimental rules notify nobody.",
        "gatewatch_commit_seconds": "Time of one commit of a partition's state, offset and outgoing alerts.",
        "gatewatch_commit_errors_total": "Commits that failed and were tried again.",
        "gatewatch_lag_records": "Records in the partition that are not yet read.",
        "gatewatch_state_bytes": "Memory of the partition's windows, episodes and keys.",
        "gatewatch_state_cells": "Windows, episodes and learning periods of the partition.",
        "gatewatch_state_keys": "Group keys of the partition.",
        "gatewatch_hub_activity_events_total": "Audit events that the hub counted, by outcome.",
        "gatewatch_hub_activity_lag": "Audit events that the hub has not yet counted.",
        "gatewatch_gateway_recordings_total": "Exchanges that were to be recorded, by outcome.",
        "gatewatch_hub_recordings_total": "Recordings that the hub read or deleted, by outcome.",
        "gatewatch_hub_recordings_lag": "Recordings that the hub has not yet read.",
        "gatewatch_hub_recordings_bytes": "Size of the hub's file of recordings, without what is free in it.",
    ])
    MetricsSystem.bootstrap(metrics)
    return metrics
}
