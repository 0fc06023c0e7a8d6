// SPDX-License-Identifier: Apache-2.0

package import Desk
package import Hummingbird

/// What is known of a request beside its bytes.
package struct WebContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// Where the request comes from: the other end of the connection, or what a trusted proxy says.
    package var address: String
    /// For logs and faults: where a log handler keeps no metadata, Hummingbird's own id is not there.
    package let request: String
    /// Who asks; nil for nobody that is known. ``actor`` insists.
    package var visitor: Visitor?
    /// What a page's form sent, after the check of its token.
    package var form: FormFields?

    package init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        address = source.channel.remoteAddress?.ipAddress ?? "unknown"
        request = String(UInt64.random(in: .min ... .max), radix: 36)
    }

    /// Who asks.
    ///
    /// - Throws: ``WebFault/unauthenticated``.
    package var actor: Actor {
        get throws {
            guard let visitor else { throw WebFault.unauthenticated }
            return visitor.actor
        }
    }

    /// Refuses who lacks a permission. The desk checks each action again: this is for pages that only some may read.
    ///
    /// - Throws: ``WebFault``.
    package func require(_ permission: Permission) throws {
        guard try actor.may(permission) else { throw WebFault.forbidden(permission) }
    }

    /// A part of the path, decoded.
    ///
    /// - Throws: ``WebFault`` 404 if it is not UTF-8 or has control characters.
    package func part(_ name: String) throws -> String {
        guard let raw = parameters.get(name), let text = FormFields.decode(Substring(raw), plusIsSpace: false),
            text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else { throw WebFault.notFound() }
        return text
    }
}

/// Somebody who logged in or sent a token.
package struct Visitor: Sendable {
    package var actor: Actor
    /// Of a browser; nil with an API token.
    package var session: WebSession?

    package init(actor: Actor, session: WebSession? = nil) {
        self.actor = actor
        self.session = session
    }
}
