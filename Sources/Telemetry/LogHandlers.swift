// SPDX-License-Identifier: Apache-2.0
package import Logging

/// What `--log-format` takes.
package enum LogFormat: String, Sendable, CaseIterable {
    /// For people: time, level, label, message, then `key=value`: `2026-11-21T11:35:14.123Z info hub: started port=8080`.
    case text
    /// For machines, one JSON object a line:
    /// `{"time":RFC 3339 UTC,"level":…,"label":…,"message":…,"error":…,"metadata":{…}}`; `error` and `metadata` only if any.
    case json

    /// A handler of this format, to give to `LoggingSystem.bootstrap` or to a `Logger`'s factory.
    package func handler(
        label: String, level: Logger.Level = .info, output: LogOutput = .standardError
    ) -> any LogHandler {
        LineLogHandler(format: self, label: label, level: level, output: output)
    }
}

/// A swift-log backend that writes one line for each event.
private struct LineLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private let format: LogFormat
    private let label: String
    private let output: LogOutput

    init(format: LogFormat, label: String, level: Logger.Level, output: LogOutput) {
        self.format = format
        self.label = label
        self.logLevel = level
        self.output = output
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        // By rising precedence: the logger's, the provider's, the event's.
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        let time = RFC3339.string(milliseconds: RFC3339.nowMilliseconds())
        output.write(line: format == .json ? json(event, time, all) : text(event, time, all))
    }

    private func json(_ event: LogEvent, _ time: String, _ metadata: Logger.Metadata) -> String {
        var line = "{\"time\":\"\(time)\""
        line += ",\"level\":\"\(event.level.rawValue)\",\"label\":\(LogEscaping.jsonString(label))"
        line += ",\"message\":\(LogEscaping.jsonString(event.message.description))"
        if let error = event.error { line += ",\"error\":\(LogEscaping.jsonString("\(error)"))" }
        if !metadata.isEmpty { line += ",\"metadata\":" + Self.json(.dictionary(metadata)) }
        return line + "}"
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

    private func text(_ event: LogEvent, _ time: String, _ metadata: Logger.Metadata) -> String {
        var line = "\(time) \(event.level.rawValue) \(LogEscaping.plain(label)): "
        line += LogEscaping.plain(event.message.description)
        if let error = event.error { line += " error=\(LogEscaping.plain("\(error)"))" }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += " \(LogEscaping.plain(key))=\(LogEscaping.plain(value.description))"
        }
        return line
    }
}
