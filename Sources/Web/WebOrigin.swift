// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The one place at which browsers find the console: cookies, redirects and the check of where a form comes from depend on it.
package struct WebOrigin: Sendable, Equatable {
    /// `https://gatewatch.example.com`, as browsers send it in `Origin`.
    package let text: String
    /// What `Host` says.
    let authority: String
    let isSecure: Bool

    /// - Throws: ``WebSettingsError`` if it is no origin, or a distant one without TLS.
    package init(_ url: String) throws {
        let trimmed = url.hasSuffix("/") ? String(url.dropLast()) : url
        guard let parts = URLComponents(string: trimmed), let scheme = parts.scheme?.lowercased(),
            let host = parts.host?.lowercased(), !host.isEmpty, ["http", "https"].contains(scheme),
            parts.path.isEmpty, parts.query == nil, parts.fragment == nil, parts.user == nil
        else {
            throw WebSettingsError(
                description:
                    "'\(url)' is not where a console can be: write https://name or https://name:port, without a path")
        }
        let isDefaultPort = parts.port == (scheme == "https" ? 443 : 80)
        authority = parts.port.flatMap { isDefaultPort ? nil : "\(host):\($0)" } ?? host
        text = "\(scheme)://\(authority)"
        isSecure = scheme == "https"
        guard isSecure || Self.isLoopback(host) else {
            throw WebSettingsError(
                description:
                    "'\(url)' has no TLS: logins would be readable on the way. Put a proxy with https in front and name its address"
            )
        }
    }

    static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "[::1]" || host == "::1" || host.hasPrefix("127.")
    }

    /// The session cookie's name. Its prefix makes browsers insist on `Secure`, on the path `/` and on no `Domain`.
    var sessionCookie: String { isSecure ? "__Host-gatewatch" : "gatewatch" }
    /// Binds a login to the browser that began it.
    var loginCookie: String { isSecure ? "__Host-gatewatch-login" : "gatewatch-login" }
}
