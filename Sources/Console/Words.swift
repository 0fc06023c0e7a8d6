// SPDX-License-Identifier: Apache-2.0

import Charts
import Finding
import Telemetry

/// A time as pages show it.
struct TimeText: Sendable {
    /// RFC 3339.
    let iso: String
    /// `2026-11-22 01:43:20`, UTC.
    let text: String
    /// `5 min ago`.
    let relative: String

    /// - Parameters: ms since the epoch, UTC.
    init(_ time: Int64, now: Int64) {
        iso = RFC3339.string(milliseconds: time)
        text = String(iso.prefix(19)).replacing("T", with: " ")
        relative = Self.relative(time, now: now)
    }

    static func relative(_ time: Int64, now: Int64) -> String {
        if abs(now - time) < 60_000 { return time <= now ? "just now" : "in a moment" }
        let words = Self.span(abs(now - time))
        return time <= now ? "\(words) ago" : "in \(words)"
    }

    /// A span of ms in words.
    static func span(_ milliseconds: Int64) -> String {
        let seconds = milliseconds / 1000
        return switch seconds {
        case ..<60: "\(seconds) s"
        case ..<5_400: "\((seconds + 30) / 60) min"
        case ..<129_600: "\((seconds + 1_800) / 3_600) h"
        default: "\((seconds + 43_200) / 86_400) days"
        }
    }
}

/// A severity as pages show it: a shape and a word, the colour only besides.
struct SeverityText: Sendable {
    let kind: String
    let shape: String
    let word: String

    /// - Parameter severity: OCSF `severity_id`.
    init(_ severity: Int) {
        word = Severity.word(severity)
        (kind, shape) =
            switch severity {
            case 5...: ("critical", "◆")
            case 4: ("high", "▲")
            case 3: ("medium", "■")
            case 2: ("low", "●")
            default: ("info", "○")
            }
    }
}

/// A state as pages show it: the class that colours it, and the word.
struct StateText: Sendable {
    let kind: String
    let word: String

    init(_ word: String) {
        self.word = word
        kind =
            switch word {
            case "active", "approved", "allowed", "delivered", "ok", "stable", "true": "good"
            case "pending", "approval", "test", "experimental", "held": "wait"
            case "dead", "denied", "disabled", "failed", "failing", "broken": "bad"
            case "observed", "open": "warn"
            default: ""
            }
    }
}

enum Words {
    /// A count with its thousands parted.
    static func count(_ number: some BinaryInteger) -> String { NumberText.grouped(Int64(clamping: number)) }
    /// Bytes in IEC units.
    static func bytes(_ number: Int64) -> String { ChartUnit.bytes.text(Double(number)) }
    /// A number with at most one decimal.
    static func number(_ value: Double) -> String { NumberText.fixed(value, 1) }
    /// `1 alert`, `2 alerts`.
    static func count(_ number: some BinaryInteger, _ one: String, _ many: String) -> String {
        "\(count(number)) \(number == 1 ? one : many)"
    }
}

/// A list that goes on.
struct Pager: Sendable {
    let first: String?
    let next: String?

    /// Nil where all is on one page.
    init?(path: String, query: [(String, String?)], cursor: String?, next: String?) {
        guard cursor != nil || next != nil else { return nil }
        func url(_ cursor: String?) -> String { Link.url(path, query + [("cursor", cursor)]) }
        first = cursor == nil ? nil : url(nil)
        self.next = next.map(url)
    }
}
