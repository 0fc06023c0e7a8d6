// SPDX-License-Identifier: Apache-2.0

import CPCRE2

/// What PCRE2 made of a pattern: read-only once it is made.
// @unchecked: pcre2api says of the compiled code that it may be used by several threads at once once JIT compilation is
// done, which `init` waits for; nothing writes to it afterwards, and `deinit` runs when nobody holds it any more.
final class PatternCode: @unchecked Sendable {
    let code: OpaquePointer

    /// - Parameter jit: what is compiled to machine code (`PCRE2_JIT_COMPLETE`, …). Without JIT (not on every platform)
    ///   the interpreter matches; both obey the limits.
    init(_ pattern: String, _ options: RegularExpression.Options, jit: UInt32) throws(RegularExpression.PatternError) {
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
            throw RegularExpression.PatternError(
                message: String(decoding: text.prefix(max(0, Int(length))), as: UTF8.self),
                offset: before.unicodeScalars.count)
        }
        pcre2_jit_compile_8(code, jit)
        self.code = code
    }

    deinit {
        pcre2_code_free_8(code)
    }
}
