// SPDX-License-Identifier: Apache-2.0

/// What one attempt came to, and what follows from it.
package enum Attempt: Sendable, Equatable {
    /// The receiver has it: 2xx of HTTP, 250 of SMTP; no status where the medium has none.
    case delivered(status: Int?)
    /// 410: the receiver wants nothing more, ever.
    case gone
    /// It may go better later, or will not (`isPermanent`).
    case failed(Failure)
    /// We stopped it on our way down; it does not count.
    case cancelled

    /// Why an attempt failed.
    package struct Failure: Sendable, Equatable {
        /// The receiver's code, if it answered.
        package var status: Int?
        /// A sentence for the operator.
        package var error: String
        /// The receiver asked for so much time.
        package var retryAfterSeconds: Int64?
        /// It says something about the whole target, not about this message.
        package var throttles: Bool
        /// The same message will be refused again: no more attempts.
        package var isPermanent: Bool

        /// Another message would have failed as well: there was no answer at all, or one that says so.
        var isOfTarget: Bool { throttles || status == nil }

        package init(
            status: Int? = nil, error: String, retryAfterSeconds: Int64? = nil, throttles: Bool = false,
            isPermanent: Bool = false
        ) {
            self.status = status
            self.error = error
            self.retryAfterSeconds = retryAfterSeconds
            self.throttles = throttles
            self.isPermanent = isPermanent
        }
    }

    /// Characters kept of the receiver's own words.
    private static let excerptLength = 200

    /// What a reply by HTTP means.
    ///
    /// - Parameter permanent: the statuses by which this kind of receiver refuses a message for good.
    init(http result: Result<CurlReply, CurlError>, permanent: Set<Int> = []) {
        switch result {
        case .success(let reply) where (200..<300).contains(reply.status):
            self = .delivered(status: reply.status)
        case .success(let reply) where reply.status == 410:
            self = .gone
        case .success(let reply):
            // A redirect is a failure too: following it would hand the message to someone not configured.
            var error = "HTTP \(reply.status)"
            if (300..<400).contains(reply.status) {
                error += ": a redirect, which is not followed; configure the final URL"
            }
            let words = Self.excerpt(reply.body)
            if !words.isEmpty { error += ": \(words)" }
            // Only these say something about the whole target (Standard Webhooks: 429, 502 and 504 throttle).
            self = .failed(
                Failure(
                    status: reply.status, error: error, retryAfterSeconds: reply.retryAfterSeconds,
                    throttles: [429, 502, 503, 504].contains(reply.status),
                    isPermanent: permanent.contains(reply.status)))
        case .failure(let error):
            self = Attempt(error)
        }
    }

    /// What a reply by SMTP means: 4yz may go better later, 5yz will not (RFC 5321 section 4.2.1). 530 and 535 are about the
    /// account (RFC 4954 section 6), which an operator mends, not about the message.
    init(smtp result: Result<Int, CurlError>) {
        switch result {
        case .success(let status): self = .delivered(status: status)
        case .failure(let error) where error.kind == .cancelled: self = .cancelled
        case .failure(let error):
            let status = error.reply
            self = .failed(
                Failure(
                    status: status, error: error.description, throttles: status == 421,
                    isPermanent: error.kind == .refused && (500..<600).contains(status ?? 0)
                        && ![530, 534, 535, 538].contains(status)))
        }
    }

    /// No reply at all.
    init(_ error: CurlError) {
        self = error.kind == .cancelled ? .cancelled : .failed(Failure(error: error.description))
    }

    /// The first line of a reply as harmless text.
    private static func excerpt(_ body: [UInt8]) -> String {
        let text = String(decoding: body.prefix(excerptLength * 4), as: UTF8.self)
        return String(
            text.unicodeScalars.prefix(excerptLength).map { $0.properties.isWhitespace ? " " : $0 }
                .filter { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }.map(Character.init))
    }
}

extension Attempt: CustomStringConvertible {
    package var isDelivered: Bool {
        if case .delivered = self { return true }
        return false
    }

    /// For people.
    package var description: String {
        switch self {
        case .delivered(let status): "delivered" + (status.map { ", status \($0)" } ?? "")
        case .gone: "410 Gone: the receiver wants nothing more"
        case .cancelled: "stopped"
        case .failed(let failure):
            (failure.isPermanent ? "refused for good: " : "failed: ") + failure.error
                + (failure.retryAfterSeconds.map { "; it asks for \($0) s" } ?? "")
        }
    }
}
