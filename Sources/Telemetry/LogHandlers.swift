// SPDX-License-Identifier: Apache-2.0
package import Logging

/// What `--log-format` takes.
package enum LogFormat: String, Sendable, CaseIterable {
    /// For people: `2026-11-21T11:35:14.123Z info hub: started port=8080`.
    case text
    /// For machines: one JSON object a line.
    case json

    /// A handler of this format, to give to `LoggingSystem.bootstrap` or to a `Logger`'s factory.
    package func handler(
        label: String, level: Logger.Level = .info, output: LogOutput = .standardError
    ) -> any LogHandler {
        switch self {
        case .text: TextLogHandler(label: label, level: level, output: output)
        case .json: JSONLogHandler(label: label, level: level, output: output)
        }
    }
}

/// A swift-log backend that writes one JSON object a line:
/// `{"time":RFC 3339 UTC,"level":…,"label":…,"message":…,"error":…,"metadata":{…}}`; `error` and `metadata` only if any.
package struct JSONLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let output: LogOutput

    /// A handler for the logger `label` that keeps `level` and above.
    package init(label: String, level: Logger.Level = .info, output: LogOutput = .standardError) {
        self.label = label
        self.logLevel = level
        self.output = output
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var line = "{\"time\":\"\(RFC3339.string(milliseconds: RFC3339.nowMilliseconds()))\""
        line += ",\"level\":\"\(event.level.rawValue)\",\"label\":\(LogEscaping.jsonString(label))"
        line += ",\"message\":\(LogEscaping.jsonString(event.message.description))"
        if let error = event.error { line += ",\"error\":\(LogEscaping.jsonString("\(error)"))" }
        let all = merged(metadata, metadataProvider, event.metadata)
        if !all.isEmpty { line += ",\"metadata\":" + Self.json(.dictionary(all)) }
        output.write(line: line + "}")
    }

    private static func json(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): LogEscaping.jsonString(text)
        case .stringConvertible(let value): LogEscaping.jsonString(value.description)
        case .array(let values): "[" + values.map { json($0) }.joined(separator: ",") + "]"
        case .dictionary(let fields):
            "{"
                + fields.sorted { $0.key < $1.key }.map { LogEscaping.jsonString($0.key) + ":" + json($0.value) }
                .joined(separator: ",") + "}"
        }
    }
}

/// A swift-log backend for terminals: time, level, label, message, then `key=value`.
package struct TextLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let output: LogOutput

    /// A handler for the logger `label` that keeps `level` and above.
    package init(label: String, level: Logger.Level = .info, output: LogOutput = .standardError) {
        self.label = label
        self.logLevel = level
        self.output = output
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var line = RFC3339.string(milliseconds: RFC3339.nowMilliseconds())
        line += " \(event.level.rawValue) \(LogEscaping.plain(label)): \(LogEscaping.plain(event.message.description))"
        if let error = event.error { line += " error=\(LogEscaping.plain("\(error)"))" }
        for (key, value) in merged(metadata, metadataProvider, event.metadata).sorted(by: { $0.key < $1.key }) {
            line += " \(LogEscaping.plain(key))=\(LogEscaping.plain(value.description))"
        }
        output.write(line: line)
    }
}

/// Metadata by rising precedence: the logger's, the provider's, the event's.
private func merged(
    _ own: Logger.Metadata, _ provider: Logger.MetadataProvider?, _ event: Logger.Metadata?
) -> Logger.Metadata {
    var all = own
    if let provided = provider?.get() { all.merge(provided) { $1 } }
    if let event { all.merge(event) { $1 } }
    return all
}
