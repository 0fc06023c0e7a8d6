// SPDX-License-Identifier: Apache-2.0

/// A Content-Type header (RFC 9110 §8.3), as far as bodies that policy reads need it.
struct MediaType {
    /// `type/subtype`, lower case; empty when there is no header.
    let name: String
    /// The `charset` parameter, lower case.
    let charset: String?

    init(_ header: String?) {
        let parts = (header ?? "").split(separator: ";", omittingEmptySubsequences: false)
        name = parts.first.map { $0.trimmed.lowercased() } ?? ""
        charset =
            parts.dropFirst().lazy.map { $0.trimmed.lowercased() }.first { $0.hasPrefix("charset=") }
            .map { String($0.dropFirst("charset=".count).filter { $0 != "\"" }) }
    }

    /// JSON by its name (RFC 6839: `+json` too), or nothing is said, which servers take for JSON.
    var isJSON: Bool { name.isEmpty || name == "application/json" || name == "text/json" || name.hasSuffix("+json") }

    var isLines: Bool {
        ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"].contains(name)
    }

    /// In a character set whose bytes are read as they stand.
    var isUTF8: Bool { charset.map { ["utf-8", "utf8", "us-ascii", "ascii"].contains($0) } ?? true }
}
