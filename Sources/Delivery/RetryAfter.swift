// SPDX-License-Identifier: Apache-2.0
import CCurl

/// The `Retry-After` header (RFC 9110 section 10.2.3): delta-seconds or an HTTP-date.
package enum RetryAfter {
    /// Seconds from `nowSeconds` (since the epoch); 0 if the date has passed; nil if the value is neither form.
    package static func seconds(_ value: String, nowSeconds: Int64) -> Int64? {
        let text = value.drop { $0 == " " || $0 == "\t" }
        guard let first = text.utf8.first else { return nil }
        if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) {
            guard text.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) else { return nil }
            // More digits than fit is still "very long".
            return Int64(text) ?? Int64.max
        }
        let date = curl_getdate(String(text), nil)
        guard date != -1 else { return nil }
        return max(0, Int64(date) - nowSeconds)
    }
}
