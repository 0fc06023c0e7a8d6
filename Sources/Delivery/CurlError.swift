// SPDX-License-Identifier: Apache-2.0

/// Why a request got no reply: nothing is known about what the other side did with it.
package struct CurlError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure, for those who decide what to do next.
    package enum Kind: String, Sendable {
        /// The URL cannot be read, or is not http or https.
        case invalidURL
        /// A header has a line feed, or libcurl refused an option: our own mistake or a configuration's.
        case invalidRequest
        /// The host's name has no address.
        case unresolvable
        /// Nobody listens, or the network does not reach it.
        case unreachable
        /// The connect or the total timeout passed.
        case timeout
        /// The certificate is not trusted, or TLS failed otherwise.
        case tls
        /// The connection ended before the reply did.
        case closedEarly
        /// The other side answered and refused; ``reply`` has its code (SMTP).
        case refused
        /// The address is one that the target may not be reached at.
        case forbiddenAddress
        /// We stopped it: the process is going down.
        case cancelled
        /// Something else; see the message.
        case other
    }

    /// What kind of failure.
    package let kind: Kind
    /// libcurl's `CURLcode`, 0 if libcurl was not reached.
    package let code: Int
    /// libcurl's own words.
    package let message: String
    /// The last code of an SMTP server, if it said one.
    package let reply: Int?

    package init(_ kind: Kind, code: Int = 0, message: String, reply: Int? = nil) {
        self.kind = kind
        self.code = code
        self.message = message
        self.reply = reply
    }

    package var description: String {
        let advice: String? =
            switch kind {
            case .invalidURL: "give an absolute http or https URL"
            case .unresolvable: "check the host's name and the resolver"
            case .unreachable: "check that the receiver runs and that a firewall lets us reach it"
            case .timeout: "the receiver is too slow or hangs"
            case .tls: "check the receiver's certificate, or give its authority's file"
            case .forbiddenAddress:
                "set allow_private: true on the receiver if it is meant to be inside, or name its network in allowed_networks"
            case .refused: "see what the server says, and check account and addresses"
            case .closedEarly: "the receiver or a proxy dropped the connection"
            case .invalidRequest, .cancelled, .other: nil
            }
        let number = code == 0 ? "" : " (curl \(code))"
        return "\(message)\(number)" + (advice.map { ": \($0)" } ?? "")
    }
}
