// SPDX-License-Identifier: Apache-2.0

import CPCRE2

/// A PCRE2 pattern with limits on what one match may cost, for Sigma's `re`. For one thread (it owns its match data).
final class RegularExpression {
    struct Options: OptionSet, Hashable, Sendable {
        let rawValue: UInt8
        static let ignoreCase = Options(rawValue: 1)
        static let multiline = Options(rawValue: 2)
        static let dotMatchesNewline = Options(rawValue: 4)
    }

    /// What is wrong with a pattern and where.
    struct PatternError: Error {
        let message: String
        /// Characters before the fault.
        let offset: Int
    }

    /// Longer values are compared up to here, in bytes: an expression such as `[a-z]+@` costs the square of it.
    static let maximumSubject = 64 * 1024
    /// PCRE2's match limit: a pattern that backtracks past it counts as no match, and is counted.
    static let matchLimit: UInt32 = 100_000
    /// What one match may hold in memory, KiB.
    static let heapLimit: UInt32 = 32 * 1024

    private let code: OpaquePointer
    private let data: OpaquePointer
    private let context: OpaquePointer
    /// How often a limit ended a match.
    private(set) var limitReached = 0

    init(_ pattern: String, _ options: Options) throws(PatternError) {
        var flags = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C
        if options.contains(.ignoreCase) { flags |= PCRE2_CASELESS }
        if options.contains(.multiline) { flags |= PCRE2_MULTILINE }
        if options.contains(.dotMatchesNewline) { flags |= PCRE2_DOTALL }
        var error: Int32 = 0
        var offset = 0
        let bytes = Array(pattern.utf8)
        guard let code = pcre2_compile_8(bytes, bytes.count, flags, &error, &offset, nil) else {
            var text = [UInt8](repeating: 0, count: 256)
            let length = pcre2_get_error_message_8(error, &text, text.count)
            let before = String(decoding: bytes.prefix(max(0, offset)), as: UTF8.self)
            throw PatternError(
                message: String(decoding: text.prefix(max(0, Int(length))), as: UTF8.self),
                offset: before.unicodeScalars.count)
        }
        let data = pcre2_match_data_create_from_pattern_8(code, nil)
        guard let data, let context = pcre2_match_context_create_8(nil) else {
            pcre2_match_data_free_8(data)
            pcre2_code_free_8(code)
            throw PatternError(message: "no memory", offset: 0)
        }
        // Without JIT (not on every platform) the interpreter matches; both obey the limit.
        pcre2_jit_compile_8(code, PCRE2_JIT_COMPLETE)
        pcre2_set_match_limit_8(context, Self.matchLimit)
        pcre2_set_heap_limit_8(context, Self.heapLimit)
        self.code = code
        self.data = data
        self.context = context
    }

    deinit {
        pcre2_match_context_free_8(context)
        pcre2_match_data_free_8(data)
        pcre2_code_free_8(code)
    }

    /// Whether the pattern occurs anywhere in the text (UTF-8, checked by the event decoder).
    func matches(_ text: UnsafeRawBufferPointer) -> Bool {
        guard let start = text.baseAddress, text.count > 0 else {
            var empty: UInt8 = 0
            return found(&empty, 0)
        }
        var count = text.count
        if count > Self.maximumSubject {
            // Not inside a character: the rest would not be UTF-8.
            count = Self.maximumSubject
            while count > 0, text[count] & 0xC0 == 0x80 { count -= 1 }
        }
        return found(start.assumingMemoryBound(to: UInt8.self), count)
    }

    private func found(_ text: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        var result = pcre2_match_8(code, text, count, 0, PCRE2_NO_UTF_CHECK, data, context)
        // The compiled code works on 32 KiB of stack; a pattern that needs more is matched by the interpreter on the heap.
        if result == PCRE2_ERROR_JIT_STACKLIMIT {
            result = pcre2_match_8(code, text, count, 0, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data, context)
        }
        if result < PCRE2_ERROR_NOMATCH { limitReached += 1 }
        return result >= 0
    }
}
