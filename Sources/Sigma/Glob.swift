// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// A pattern with wildcards in general position, over UTF-8 bytes. `?` is one character (one Unicode scalar).
///
/// Each run between two `*` is looked for from the left after the one before it, the last one at the end; no run is tried
/// again, so a match costs the length of the text times that of the longest run with a `?`, and without `?` only the text's.
final class Glob {
    /// What stands between two `*`.
    private struct Run {
        let search: LiteralSearch
        /// Per byte, whether it stands for a `?`; nil when none does.
        let wild: UnsafeRawBufferPointer?
    }

    private let store = LiteralStore()
    private let runs: UnsafeMutableBufferPointer<Run>
    private let startsOpen: Bool
    private let endsOpen: Bool
    private let folds: Bool

    /// - Parameter folds: ASCII letters compare without case; the pattern is lowered here.
    init(_ pattern: SigmaPattern, folds: Bool) {
        var drafts: [(bytes: [UInt8], wild: [UInt8])] = [([], [])]
        for token in pattern.tokens {
            switch token {
            case .anyRun: drafts.append(([], []))
            case .oneCharacter:
                drafts[drafts.count - 1].bytes.append(0)
                drafts[drafts.count - 1].wild.append(1)
            case .literal(let text):
                let bytes = Array((folds ? text.text.lowercased() : text.text).utf8)
                drafts[drafts.count - 1].bytes += bytes
                drafts[drafts.count - 1].wild += [UInt8](repeating: 0, count: bytes.count)
            }
        }
        drafts.removeAll { $0.bytes.isEmpty }
        runs = .allocate(capacity: drafts.count)
        for (index, draft) in drafts.enumerated() {
            let literal = store.keep(draft.bytes)
            let isWild = draft.wild.contains(1)
            let search = LiteralSearch(
                literal: literal, cased: !folds, failure: isWild ? nil : store.failure(of: literal))
            runs.initializeElement(at: index, to: Run(search: search, wild: isWild ? store.keep(draft.wild) : nil))
        }
        startsOpen = pattern.tokens.first == .anyRun
        endsOpen = pattern.tokens.last == .anyRun
        self.folds = folds
    }

    deinit {
        runs.deallocate()
    }

    func matches(_ text: UnsafeRawBufferPointer) -> Bool {
        guard !runs.isEmpty else { return startsOpen || text.isEmpty }
        var from = 0
        var next = 0
        if !startsOpen {
            from = end(of: runs[0], in: text, at: 0)
            if from < 0 { return false }
            next = 1
            if next == runs.count { return endsOpen || from == text.count }
        }
        let last = endsOpen ? runs.count : runs.count - 1
        while next < last {
            from = endOfFirst(runs[next], in: text, from: from)
            if from < 0 { return false }
            next += 1
        }
        return endsOpen || begins(runs[last], atEndOf: text, notBefore: from)
    }

    /// Where the run ends when it begins at `at`; -1 when it does not stand there.
    private func end(of run: Run, in text: UnsafeRawBufferPointer, at: Int) -> Int {
        let literal = run.search.literal
        var position = at
        for index in 0..<literal.count {
            guard position < text.count else { return -1 }
            if let wild = run.wild, wild[index] != 0 {
                position &+= 1
                // One character, not one byte: over the continuation bytes of UTF-8.
                while position < text.count, text[position] & 0xC0 == 0x80 { position &+= 1 }
            } else {
                guard same(text[position], literal[index]) else { return -1 }
                position &+= 1
            }
        }
        return position
    }

    /// Where the run ends that begins leftmost at or after `from`.
    private func endOfFirst(_ run: Run, in text: UnsafeRawBufferPointer, from: Int) -> Int {
        if run.wild == nil {
            let start = run.search.first(in: text, from: from)
            return start < 0 ? -1 : start &+ run.search.literal.count
        }
        var at = from
        while at < text.count {
            if text[at] & 0xC0 != 0x80 {
                let end = end(of: run, in: text, at: at)
                if end >= 0 { return end }
            }
            at &+= 1
        }
        return -1
    }

    /// Whether the text ends with the run, which begins at or after `from`.
    private func begins(_ run: Run, atEndOf text: UnsafeRawBufferPointer, notBefore from: Int) -> Bool {
        let literal = run.search.literal
        var position = text.count
        for index in stride(from: literal.count - 1, through: 0, by: -1) {
            guard position > from else { return false }
            position &-= 1
            if let wild = run.wild, wild[index] != 0 {
                while position > from, text[position] & 0xC0 == 0x80 { position &-= 1 }
            } else {
                guard same(text[position], literal[index]) else { return false }
            }
        }
        return true
    }

    @inline(__always)
    private func same(_ byte: UInt8, _ wanted: UInt8) -> Bool {
        (folds ? ASCII.lower(byte) : byte) == wanted
    }
}
