// SPDX-License-Identifier: Apache-2.0

/// A person at the hub, as the login, an API token or the hub's own host says who it is.
package struct Actor: Sendable, Equatable {
    /// How the person came in.
    package enum Via: Sendable, Equatable {
        /// A login in a browser.
        case console
        /// An API token, by its id.
        case token(String)
        /// A command on the hub's host.
        case command

        /// As the evidence names it: `console`, `token:ID`, `command`.
        package var text: String {
            switch self {
            case .console: "console"
            case .token(let id): "token:\(id)"
            case .command: "command"
            }
        }
    }

    /// The longest identity, bytes.
    package static let maximumIdentity = 200

    /// The name by which audit events know the person; what the person does is recorded under it.
    package let identity: String
    /// For pages.
    package let name: String
    /// Other names that the login gives the same person: nobody decides their own request under one of them.
    package let aliases: [String]
    /// As the login names them; approvers of a request may be groups.
    package let groups: [String]
    /// With viewer, unless there is none.
    package let roles: Set<Role>
    package let via: Via

    package init(
        identity: String, name: String? = nil, aliases: [String] = [], groups: [String] = [], roles: Set<Role>,
        via: Via
    ) {
        self.identity = identity
        self.name = name ?? identity
        self.aliases = aliases
        self.groups = groups
        self.roles = roles.isEmpty ? [] : roles.union([.viewer])
        self.via = via
    }

    package func may(_ permission: Permission) -> Bool { roles.contains(permission.role) }
}
