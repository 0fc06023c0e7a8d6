// SPDX-License-Identifier: Apache-2.0

/// Why the bytes of an event could not be read. Such an event goes to `gatewatch.audit.rejected` with this reason.
package enum EventError: Error, Sendable, Equatable, CustomStringConvertible {
    case empty
    case tooLarge(bytes: Int, limit: Int)
    case notJSON(String)
    case notAnObject
    case tooDeep(limit: Int)
    case tooManyValues(limit: Int)
    case duplicateKey(String)
    case missingTime(String)
    case badTime(String)
    case timeAhead(milliseconds: Int64)
    case late(milliseconds: Int64)

    /// A short fixed word for metrics and record headers.
    package var code: String {
        switch self {
        case .empty: "empty"
        case .tooLarge: "too_large"
        case .notJSON: "not_json"
        case .notAnObject: "not_an_object"
        case .tooDeep: "too_deep"
        case .tooManyValues: "too_many_values"
        case .duplicateKey: "duplicate_key"
        case .missingTime: "missing_time"
        case .badTime: "bad_time"
        case .timeAhead: "time_ahead"
        case .late: "late"
        }
    }

    /// Every code, for metrics that start at zero.
    package static let codes = [
        "empty", "too_large", "not_json", "not_an_object", "too_deep", "too_many_values", "duplicate_key",
        "missing_time",
        "bad_time", "time_ahead", "late",
    ]

    package var description: String {
        switch self {
        case .empty: "the event has no bytes"
        case .tooLarge(let bytes, let limit): "the event is \(bytes) bytes, the limit is \(limit)"
        case .notJSON(let reason): "the event is not JSON: \(reason)"
        case .notAnObject: "the event is not one JSON object"
        case .tooDeep(let limit): "the event is nested deeper than \(limit) levels"
        case .tooManyValues(let limit): "the event has more than \(limit) values under the fields that the rules read"
        case .duplicateKey(let field): "the event has the field \(field) twice; which one counts is not certain"
        case .missingTime(let field): "the event has no time (field \(field))"
        case .badTime(let field): "the event's time (field \(field)) is neither ISO 8601 nor a number since the epoch"
        case .timeAhead(let milliseconds):
            "the event's time is \(milliseconds) ms ahead of the time at which it was written to the topic"
        case .late(let milliseconds): "the event came \(milliseconds) ms later than the allowed lateness"
        }
    }
}
