// SPDX-License-Identifier: Apache-2.0

import CPCRE2

/// What a search came to. A policy must treat `undecided` like `found`: the text may hold what the pattern looks for.
package enum SearchOutcome: Sendable, Equatable {
    /// The pattern occurs.
    case found
    /// It does not occur anywhere in the text.
    case absent
    /// A limit (backtracking, memory, processor time) ended the search before its end.
    case undecided
}

/// A PCRE2 pattern that any number of threads search with at the same time, in texts of any length, to their end.
///
/// A long text is searched in windows with PCRE2's partial matching (pcre2partial, "multi-segment matching"): a match
/// that begins in one window and ends in another is found, and between windows the processor time is looked at.
/// `RegularExpression` is cheaper for one thread that searches short texts.
// @unchecked: the match context is written in `init` only and pcre2_match reads it; `PatternCode` says why the code may
// be shared.
package final class SharedPattern: @unchecked Sendable {
    /// Backtracking steps of one attempt; past them the search is undecided.
    package static let matchLimit: UInt32 = 1_000_000
    /// What one attempt may hold in memory, KiB.
    package static let heapLimit: UInt32 = 32 * 1024
    /// Bytes of one window.
    package static let window = 16 * 1024

    private let pattern: PatternCode
    private let context: OpaquePointer

    /// - Throws: `RegularExpression.PatternError` for what is no pattern.
    package init(_ pattern: String, _ options: RegularExpression.Options = []) throws(RegularExpression.PatternError) {
        let pattern = try PatternCode(pattern, options, jit: PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD)
        guard let context = pcre2_match_context_create_8(nil) else {
            throw RegularExpression.PatternError(message: "no memory", offset: 0)
        }
        pcre2_set_match_limit_8(context, Self.matchLimit)
        pcre2_set_heap_limit_8(context, Self.heapLimit)
        self.pattern = pattern
        self.context = context
    }

    deinit {
        pcre2_match_context_free_8(context)
    }

    /// Whether the pattern occurs anywhere in the text.
    ///
    /// - Parameters:
    ///   - text: valid UTF-8; the caller has checked it.
    ///   - budget: the time that is left; shared by the searches of one request.
    ///   - window: bytes that are searched between two looks at the budget, at least 16.
    package func search(
        _ text: UnsafeRawBufferPointer, budget: inout SearchBudget, window: Int = SharedPattern.window
    ) -> SearchOutcome {
        // One pair of offsets: where a partial match began. Per search, since match data is for one thread.
        guard let data = pcre2_match_data_create_8(1, nil) else { return .undecided }
        defer { pcre2_match_data_free_8(data) }
        let empty: [UInt8] = [0]
        return empty.withUnsafeBytes { none in
            Search(
                pattern: pattern.code, context: context, data: data, text: text.isEmpty ? none : text, count: text.count
            )
            .run(budget: &budget, window: max(16, window))
        }
    }
}

/// One search over one text.
private struct Search {
    let pattern: OpaquePointer
    let context: OpaquePointer
    let data: OpaquePointer
    let text: UnsafeRawBufferPointer
    let count: Int

    func run(budget: inout SearchBudget, window: Int) -> SearchOutcome {
        var start = 0
        while true {
            let end = boundary(start + window)
            guard budget.charge(end - start) else { return .undecided }
            if end == count { return outcome(match(from: start, to: end, 0)) }
            let result = match(from: start, to: end, PCRE2_PARTIAL_HARD)
            if result == PCRE2_ERROR_NOMATCH {
                // Every beginning in the window failed before its end; the one at its end is the next window's.
                start = end
                continue
            }
            guard result == PCRE2_ERROR_PARTIAL else { return outcome(result) }
            let begin = pcre2_get_ovector_pointer_8(data)[0]
            switch follow(from: begin, past: end, window: window, budget: &budget) {
            case .absent: start = boundary(begin + 1)
            case let decided: return decided
            }
        }
    }

    /// Decides the one match that begins at `begin` and had not ended at `past`, with ever more of the text in sight.
    private func follow(
        from begin: Int, past: Int, window: Int, budget: inout SearchBudget
    ) -> SearchOutcome {
        var length = past - begin + window
        while true {
            length *= 4
            let end = length < count - begin ? boundary(begin + length) : count
            guard budget.charge(end - begin) else { return .undecided }
            let isWhole = end == count
            let result = match(from: begin, to: end, PCRE2_ANCHORED | (isWhole ? 0 : PCRE2_PARTIAL_HARD))
            if result == PCRE2_ERROR_PARTIAL, !isWhole { continue }
            return outcome(result)
        }
    }

    private func match(from start: Int, to end: Int, _ options: UInt32) -> Int32 {
        guard let base = text.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return PCRE2_ERROR_NULL }
        let options = options | PCRE2_NO_UTF_CHECK
        let result = pcre2_match_8(pattern, base, end, start, options, data, context)
        // The compiled code works on 32 KiB of stack; a pattern that needs more is matched by the interpreter on the
        // heap.
        guard result == PCRE2_ERROR_JIT_STACKLIMIT else { return result }
        return pcre2_match_8(pattern, base, end, start, options | PCRE2_NO_JIT, data, context)
    }

    private func outcome(_ result: Int32) -> SearchOutcome {
        if result >= 0 { return .found }
        return result == PCRE2_ERROR_NOMATCH ? .absent : .undecided
    }

    /// The next place at or after `offset` that is not inside a character.
    private func boundary(_ offset: Int) -> Int {
        var offset = min(offset, count)
        while offset < count, text[offset] & 0xC0 == 0x80 { offset += 1 }
        return offset
    }
}
