// SPDX-License-Identifier: Apache-2.0

import Foundation
package import NIOCore
package import NIOSSL

/// Where a connection's requests go: one server, spoken to in HTTP/1.1.
package struct Upstream: Sendable {
    /// What is wrong with an upstream's URL, in a sentence.
    package struct Invalid: Error, CustomStringConvertible {
        package let description: String
    }

    /// Host name or address, without brackets.
    package let host: String
    package let port: Int
    /// What stands in `Host`.
    package let authority: String
    /// Nil speaks plain text.
    package let tls: NIOSSLContext?
    package var connectTimeout: TimeAmount = .seconds(5)
    /// How long the upstream may be silent: until its answer begins, and between two parts of it.
    package var readTimeout: TimeAmount = .seconds(60)
    /// Connections per event loop; a request beyond them is refused with 503.
    package var maximumConnections = 1024
    /// An unused connection is kept so long. Shorter than servers usually keep one (nginx: 75 s).
    package var idleTimeout: TimeAmount = .seconds(50)

    /// - Parameters:
    ///   - url: `http://host[:port][/path]` or `https://…`, without query and user; its path is the connection's business.
    ///   - certificateAuthorityFile: PEM; replaces the system's authorities.
    /// - Throws: `Invalid`, or NIOSSL's error when the file cannot be read.
    package init(url: String, certificateAuthorityFile: String? = nil) throws {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(),
            scheme == "http" || scheme == "https", let host = parts.host, !host.isEmpty
        else { throw Invalid(description: "'\(url)' is no upstream. Write http://host:port or https://host:port.") }
        guard parts.query == nil, parts.fragment == nil, parts.user == nil else {
            throw Invalid(
                description:
                    "The upstream of host \(host) has a query, fragment or user. Write http://host:port/path only.")
        }
        self.host = host.trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        port = parts.port ?? (scheme == "https" ? 443 : 80)
        authority = parts.port.map { "\(host):\($0)" } ?? host
        if scheme == "https" {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.applicationProtocols = ["http/1.1"]
            if let certificateAuthorityFile { configuration.trustRoots = .file(certificateAuthorityFile) }
            tls = try NIOSSLContext(configuration: configuration)
        } else {
            tls = nil
        }
    }

    /// Tells two upstreams apart that may share connections.
    var poolKey: String {
        "\(tls == nil ? "http" : "https")://\(authority) \(connectTimeout.nanoseconds) \(readTimeout.nanoseconds)"
    }
}
