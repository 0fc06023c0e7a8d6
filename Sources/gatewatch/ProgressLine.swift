// SPDX-License-Identifier: Apache-2.0

import Detectors
import Foundation

/// Says on standard error, about every second, how far a long run is.
struct ProgressLine {
    private let isOn: Bool
    private let isTerminal = isatty(2) == 1
    private let start = Date()
    private var last = Date()
    private var hasShown = false

    /// - Parameter isForced: also where standard error is no terminal; then a line each time.
    init(isForced: Bool) {
        isOn = isForced || isTerminal
    }

    mutating func show(_ progress: Backtest.Progress) {
        guard isOn, Date().timeIntervalSince(last) > 1 else { return }
        last = Date()
        let elapsed = last.timeIntervalSince(start)
        var text = "\(counted(progress.events, "event")), \(Int(Double(progress.events) / elapsed)) a second"
        if let total = progress.totalBytes, total > 0, progress.bytes > 0 {
            let share = min(1, Double(progress.bytes) / Double(total))
            text = "\(Int(share * 100)) %, \(text), \(Self.duration(elapsed / share - elapsed)) left"
        }
        hasShown = true
        write(isTerminal ? "\r\u{1B}[K\(text)" : "\(text)\n")
    }

    /// Takes the line away before something else is printed.
    mutating func clear() {
        if hasShown, isTerminal { write("\r\u{1B}[K") }
        hasShown = false
    }

    private static func duration(_ seconds: Double) -> String {
        let seconds = Int(seconds.rounded(.up))
        if seconds < 60 { return "\(seconds) s" }
        return seconds < 3600
            ? "\(seconds / 60) min \(seconds % 60) s" : "\(seconds / 3600) h \(seconds % 3600 / 60) min"
    }

    private func write(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}
