// SPDX-License-Identifier: Apache-2.0

/// How long an answer may be kept, by its `Cache-Control` (RFC 9111 section 5.2.2).
enum CacheLifetime {
    /// Seconds from now; 0 if it must not be kept; nil if the field says neither.
    static func seconds(cacheControl fields: [String], age: String?) -> Int64? {
        var maximumAge: Int64?
        for directive in fields.flatMap({ $0.split(separator: ",") }) {
            let parts = directive.split(separator: "=", maxSplits: 1).map {
                String($0.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
            }
            switch parts.first?.lowercased() {
            case "no-store", "no-cache": return 0
            case "max-age":
                guard parts.count == 2 else { continue }
                let text = parts[1].filter { $0 != "\"" }
                guard !text.isEmpty, text.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) else {
                    continue
                }
                // More digits than fit are for ever.
                let seconds = Int64(text) ?? .max
                maximumAge = min(maximumAge ?? .max, seconds)
            default: continue
            }
        }
        guard let maximumAge else { return nil }
        return max(0, maximumAge - max(0, age.flatMap { Int64($0) } ?? 0))
    }
}
