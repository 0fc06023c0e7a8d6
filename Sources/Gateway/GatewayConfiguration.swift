// SPDX-License-Identifier: Apache-2.0

package import AuditEvent
package import Connections
import NIOCore

/// What may change while the gateway runs: connections with their policies, and the identity directory. Immutable; a change replaces
/// it as a whole.
package struct GatewayConfiguration: Sendable {
    /// Where a connection leads.
    struct Backend: Sendable {
        let upstream: Upstream
        let credential: UpstreamCredential?
    }

    let connections: ConnectionSet
    let identities: IdentityResolver
    private let backends: [String: Backend]

    /// - Throws: what is wrong with an upstream's URL or credential, with the connection's name.
    package init(connections: ConnectionSet, directory: IdentityDirectory? = nil) throws {
        self.connections = connections
        identities = IdentityResolver(directory)
        var backends: [String: Backend] = [:]
        for connection in connections.connections {
            let settings = connection.settings
            do {
                var upstream = try Upstream(url: settings.upstream)
                upstream.connectTimeout = .milliseconds(Int64(settings.timeouts.connect))
                upstream.readTimeout = .milliseconds(Int64(max(settings.timeouts.response, settings.timeouts.idle)))
                let credential = try settings.credential.map {
                    try UpstreamCredential(header: $0.header, format: $0.format, reference: $0.secret)
                }
                backends[settings.name] = Backend(upstream: upstream, credential: credential)
            } catch {
                throw Invalid(connection: settings.name, reason: "\(error)")
            }
        }
        self.backends = backends
    }

    /// A connection that cannot be used.
    package struct Invalid: Error, CustomStringConvertible {
        let connection: String
        let reason: String
        package var description: String { "the connection \(connection): \(reason)" }
    }

    func backend(_ connection: Connection) -> Backend? { backends[connection.name] }
}
