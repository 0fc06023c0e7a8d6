// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Kafka
import Logging
import Metrics
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
        "gatewatch_alerts_total": "Alerts, by rule.",
        "gatewatch_commit_seconds": "Time of one commit of a partition's state, offset and outgoing alerts.",
        "gatewatch_commit_errors_total": "Commits that failed and were tried again.",
        "gatewatch_lag_records": "Records in the partition that are not yet read.",
        "gatewatch_state_bytes": "Memory of the partition's windows, episodes and keys.",
        "gatewatch_state_cells": "Windows, episodes and learning periods of the partition.",
        "gatewatch_state_keys": "Group keys of the partition.",
    ])
    MetricsSystem.bootstrap(metrics)
    return metrics
}
