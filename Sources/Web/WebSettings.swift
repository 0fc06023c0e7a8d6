// SPDX-License-Identifier: Apache-2.0

package import Addresses
package import Desk
package import NIOSSL
package import OIDC
import ServerTLS

/// Where the console listens, who may log in, and for how long.
package struct WebSettings: Sendable {
    /// Address or name to bind.
    package var host: String
    /// TCP port; 0 lets the system choose.
    package var port: Int
    /// How browsers reach it: `https://…` without a path, or `http://` on loopback. Nil is host and port of what was bound, which must be
    /// loopback then.
    package var url: String?
    /// Nil speaks plain HTTP: on loopback, or behind something that ends TLS.
    package var tls: TLSConfiguration?
    /// At which provider people log in.
    package var login: RelyingPartySettings
    /// The client's secret there.
    package var clientSecret: String?
    /// Which groups of the login have which role. Compared as they are spelt.
    package var roles: [Role: Set<String>]
    /// A session ends when nothing was asked for so long, ms.
    package var idle: Int64
    /// And so long after the login in any case, ms.
    package var absolute: Int64
    package var limits = WebLimits()
    /// What stands in front of it and tells where requests come from.
    package var trustedProxies = TrustedProxies()

    package init(
        host: String = "127.0.0.1", port: Int = 8470, url: String? = nil, login: RelyingPartySettings,
        clientSecret: String? = nil, roles: [Role: Set<String>], idle: Int64 = 30 * 60_000,
        absolute: Int64 = 8 * 3_600_000
    ) {
        self.host = host
        self.port = port
        self.url = url
        self.login = login
        self.clientSecret = clientSecret
        self.roles = roles
        self.idle = idle
        self.absolute = absolute
    }

    /// The server's TLS: TLS 1.2 or later, `http/1.1` by ALPN.
    ///
    /// - Throws: NIOSSL's error when a file cannot be read.
    package static func tls(certificateChainFile: String, privateKeyFile: String) throws -> TLSConfiguration {
        try ServerTLS.configuration(
            certificateChainFile: certificateChainFile, privateKeyFile: privateKeyFile, protocols: ["http/1.1"])
    }

    /// The roles of somebody in these groups.
    package func roles(of groups: [String]) -> Set<Role> {
        Set(roles.filter { !$0.value.isDisjoint(with: groups) }.keys)
    }
}

/// Limits on everything from outside.
package struct WebLimits: Sendable {
    /// Bytes of a form.
    package var formBytes = 64 * 1024
    /// Fields of a form or a query.
    package var fields = 100
    /// Bytes of all header fields together, and of one.
    package var headerBytes = 32 * 1024
    /// Header fields.
    package var headerFields = 100
    /// Bytes of a request's path and query.
    package var targetBytes = 8 * 1024
    /// Open connections.
    package var connections = 1_000
    /// Logins that are kept, of all people and of one; the oldest end.
    package var sessions = 10_000
    package var sessionsPerPerson = 20
    /// Logins that were begun and not ended.
    package var openLogins = 10_000
    /// Logins begun in a minute, from one address and from all.
    package var loginsPerMinute = 60
    package var allLoginsPerMinute = 600
    /// How long a login may take, ms.
    package var loginMilliseconds: Int64 = 10 * 60_000

    package init() {}
}

/// Settings with which the console cannot work: a sentence.
package struct WebSettingsError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String
}
