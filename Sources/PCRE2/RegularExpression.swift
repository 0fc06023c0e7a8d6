// SPDX-License-Identifier: Apache-2.0

import CPCRE2

/// A PCRE2 pattern with limits on what one match may cost. For one thread (it owns its match data); ``SharedPattern``
/// is for many.
package final class RegularExpression {
    package struct Options: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let ignoreCase = Options(rawValue: 1)
        package static let multiline = Options(rawValue: 2)
        package static let dotMatchesNewline = Options(rawValue: 4)
    }

    /// What is wrong with a pattern and where.
    package struct PatternError: Error {
        package let message: String
        /// Characters before the fault.
        package let offset: Int
    }

    /// A group of the pattern, `(?<name>…)`.
    package struct Group: Sendable, Equatable {
        package let name: String
        package let number: Int
    }

    /// Longer values are compared up to here, in bytes: an expression such as `[a-z]+@` costs the square of it.
    package static let maximumSubject = 64 * 1024
    /// PCRE2's match limit: a pattern that backtracks past it counts as no match, and is counted.
    package static let matchLimit: UInt32 = 100_000
    /// What one match may hold in memory, KiB.
    package static let heapLimit: UInt32 = 32 * 1024

    /// The groups that have a name, in the order of their numbers.
    package let groups: [Group]

    private let pattern: PatternCode
    private let data: OpaquePointer
    private let context: OpaquePointer
    /// How often a limit ended a match.
    package private(set) var limitReached = 0

    package init(_ pattern: String, _ options: Options) throws(PatternError) {
        let pattern = try PatternCode(pattern, options, jit: PCRE2_JIT_COMPLETE)
        let data = pcre2_match_data_create_from_pattern_8(pattern.code, nil)
        guard let data, let context = pcre2_match_context_create_8(nil) else {
            pcre2_match_data_free_8(data)
            throw PatternError(message: "no memory", offset: 0)
        }
        pcre2_set_match_limit_8(context, Self.matchLimit)
        pcre2_set_heap_limit_8(context, Self.heapLimit)
        self.pattern = pattern
        self.data = data
        self.context = context
        groups = Self.groups(of: pattern.code)
    }

    deinit {
        pcre2_match_context_free_8(context)
        pcre2_match_data_free_8(data)
    }

    /// Whether the pattern occurs anywhere in the text (UTF-8, checked by the event decoder).
    package func matches(_ text: UnsafeRawBufferPointer) -> Bool {
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
        var result = pcre2_match_8(pattern.code, text, count, 0, PCRE2_NO_UTF_CHECK, data, context)
        // The compiled code works on 32 KiB of stack; a pattern that needs more is matched by the interpreter on the
        // heap.
        if result == PCRE2_ERROR_JIT_STACKLIMIT {
            result = pcre2_match_8(
                pattern.code, text, count, 0, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data, context)
        }
        if result < PCRE2_ERROR_NOMATCH { limitReached += 1 }
        return result >= 0
    }

    /// What a group matched when `matches` last found the pattern, in that text; nil for a group that took no part.
    package func group(_ number: Int, in text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard number >= 0, number < Int(pcre2_get_ovector_count_8(data)),
            let offsets = pcre2_get_ovector_pointer_8(data)
        else { return nil }
        // Of a group that took no part both are PCRE2_UNSET, all ones: -1 as a size reads here.
        let (start, end) = (Int(offsets[2 * number]), Int(offsets[2 * number + 1]))
        guard start >= 0, end >= start, end <= text.count else { return nil }
        return UnsafeRawBufferPointer(rebasing: text[start..<end])
    }

    /// Reads the name table (pcre2api, PCRE2_INFO_NAMETABLE): entries of one size, a number in two bytes, the name, a zero.
    private static func groups(of code: OpaquePointer) -> [Group] {
        var count: UInt32 = 0
        var size: UInt32 = 0
        var table: UnsafePointer<UInt8>?
        guard pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMECOUNT), &count) == 0, count > 0,
            pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMEENTRYSIZE), &size) == 0,
            pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMETABLE), &table) == 0, let table
        else { return [] }
        return (0..<Int(count)).map { index in
            let entry = table + index * Int(size)
            return Group(name: String(cString: entry + 2), number: Int(entry[0]) << 8 | Int(entry[1]))
        }.sorted { $0.number < $1.number }
    }
}
