// SPDX-License-Identifier: Apache-2.0

/// What one attempt came to, and what follows from it.
enum Attempt: Equatable {
    /// 2xx.
    case delivered(status: Int)
    /// 410: the receiver wants nothing more, ever.
    case gone
    /// Anything else. A redirect is one too: following it would hand the message to someone not configured.
    case failed(status: Int?, error: String, retryAfterSeconds: Int64?, throttles: Bool)
    /// We stopped it on our way down; it does not count.
    case cancelled

    /// Characters kept of the receiver's own words.
    private static let excerptLength = 200

    init(_ result: Result<CurlReply, CurlError>) {
        switch result {
        case .success(let reply) where (200..<300).contains(reply.status):
            self = .delivered(status: reply.status)
        case .success(let reply) where reply.status == 410:
            self = .gone
        case .success(let reply):
            var error = "HTTP \(reply.status)"
            if (300..<400).contains(reply.status) {
                error += ": a redirect, which is not followed; configure the final URL"
            }
            let words = Self.excerpt(reply.body)
            if !words.isEmpty { error += ": \(words)" }
            // Only these say something about the whole target (Standard Webhooks: 429, 502 and 504 throttle).
            self = .failed(
                status: reply.status, error: error, retryAfterSeconds: reply.retryAfterSeconds,
                throttles: [429, 502, 503, 504].contains(reply.status))
        case .failure(let error) where error.kind == .cancelled:
            self = .cancelled
        case .failure(let error):
            self = .failed(status: nil, error: error.description, retryAfterSeconds: nil, throttles: false)
        }
    }

    /// The first line of a reply as harmless text.
    private static func excerpt(_ body: [UInt8]) -> String {
        let text = String(decoding: body.prefix(excerptLength * 4), as: UTF8.self)
        return String(
            text.unicodeScalars.prefix(excerptLength).map { $0.properties.isWhitespace ? " " : $0 }
                .filter { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }.map(Character.init))
    }
}
