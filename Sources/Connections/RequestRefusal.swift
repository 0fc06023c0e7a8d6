// SPDX-License-Identifier: Apache-2.0

/// A request that cannot be passed on because it cannot be read in one way only, or reaches past the connection's map.
///
/// It goes to the caller as an RFC 9457 problem: `kind` is the last part of its `type`, `detail` its `detail`. `detail`
/// never holds more than 64 characters of what the caller sent.
package struct RequestRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, as a stable word: it is a metric label and part of the audit event.
    package enum Kind: String, Sendable, Equatable, CaseIterable {
        /// The path can be read in two ways: traversal, encoded slashes, double encoding, control bytes (RFC 3986
        /// §3.3).
        case ambiguousPath = "ambiguous-path"
        /// The query string can be read in two ways.
        case ambiguousQuery = "ambiguous-query"
        /// No route of the connection has this method and path.
        case notMapped = "not-mapped"
        /// The route refuses a header that would change what the request does.
        case forbiddenHeader = "forbidden-header"
        /// A body that policy reads is not valid JSON (RFC 8259).
        case invalidJSON = "invalid-json"
        /// A member occurs twice, or in two spellings: two readers could see two requests.
        case ambiguousJSON = "ambiguous-json"
        /// A member that policy reads has a type that it cannot have.
        case unreadableMember = "unreadable-member"
        /// A body that policy reads has a Content-Type, charset or Content-Encoding that cannot be read.
        case unsupportedMedia = "unsupported-media"
        /// A compressed body is damaged.
        case invalidEncoding = "invalid-encoding"
        /// A body that policy reads is over its limit, or grows past it when it is inflated.
        case tooLarge = "too-large"
    }

    package let kind: Kind
    /// HTTP status: 400, 403, 404, 413 or 415.
    package let status: Int
    /// One sentence for the caller.
    package let detail: String

    init(_ kind: Kind, _ detail: String) {
        self.kind = kind
        self.detail = detail
        status =
            switch kind {
            case .notMapped, .forbiddenHeader: 403
            case .unsupportedMedia: 415
            case .tooLarge: 413
            default: 400
            }
    }

    package var description: String { "\(kind.rawValue): \(detail)" }

    /// What the caller sent, short and printable, for a sentence.
    static func shown(_ text: some StringProtocol) -> String {
        var shown = ""
        for scalar in text.unicodeScalars.prefix(64) {
            shown.unicodeScalars.append(scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) ? "?" : scalar)
        }
        return text.unicodeScalars.count > 64 ? shown + "…" : shown
    }
}
