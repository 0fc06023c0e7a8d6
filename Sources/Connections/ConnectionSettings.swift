// SPDX-License-Identifier: Apache-2.0

/// A connection as its file describes it, without its routes and its policy.
package struct ConnectionSettings: Sendable, Equatable {
    /// How a caller reaches it; at least one of the two is given, and both must fit then.
    package struct Address: Sendable, Equatable {
        /// `/vectors`: taken off before the rest is matched; empty when the path is not looked at.
        package var pathPrefix = ""
        /// Names (lower case, without port) of the Host header; `*.s3.example.com` takes the label for the first
        /// segment of the path.
        package var hosts: [String] = []
    }

    /// What the gateway presents to the upstream in place of the caller's token.
    package struct Credential: Sendable, Equatable {
        /// Lower case.
        package var header: String
        /// What is sent, `{}` standing for the secret, such as `Bearer {}`.
        package var format: String
        /// `env:NAME` or `file:PATH`, never the secret itself.
        package var secret: String

        /// The header's value for a secret.
        package func value(for secret: String) -> String {
            guard let range = format.firstRange(of: "{}") else { return secret }
            return format[..<range.lowerBound] + secret + format[range.upperBound...]
        }
    }

    /// Milliseconds.
    package struct Timeouts: Sendable, Equatable {
        package var connect = 10_000
        /// From the request's last byte to the response's first.
        package var response = 60_000
        /// Between two bytes of a body, either way.
        package var idle = 60_000
    }

    /// What requests that no route has come to.
    package enum Unmatched: String, Sendable, CaseIterable {
        /// Refused. The default for every method: an unmapped GET takes data out as well as a POST does.
        case deny
        /// Passed on as the operation `other`.
        case other
    }

    /// What is recorded of exchanges.
    package enum Recorded: String, Sendable, CaseIterable {
        /// Nothing, refusals neither.
        case off
        /// All but bodies.
        case metadata
        /// The first bytes of bodies that are text too, masked.
        case bodies
    }

    /// Unique; `api.service.name` of the audit events.
    package var name: String
    /// The base URL, without a slash at its end: `http://10.0.0.5:6333`.
    package var upstream: String
    package var preset: String?
    package var address = Address()
    package var credential: Credential?
    package var timeouts = Timeouts()
    package var unmatched = Unmatched.deny
    /// Nil for what the gateway does by default.
    package var recorded: Recorded?

    /// The path of the base URL, without a slash at its end; empty for none.
    package var upstreamPath: String {
        guard let authority = upstream.firstRange(of: "://") else { return "" }
        let rest = upstream[authority.upperBound...]
        return rest.firstIndex(of: "/").map { String(rest[$0...]) } ?? ""
    }
}
