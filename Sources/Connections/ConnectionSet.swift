// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

/// All connections of a gateway. Immutable: after a change of the files, a new set replaces it, and the next request
/// goes by that.
package struct ConnectionSet: Sendable {
    /// Where a request goes.
    package struct Destination: Sendable {
        package let connection: Connection
        /// The path that is matched: as it came, less the connection's prefix, and after the bucket that a host name
        /// may give.
        package let path: String
    }

    /// The names that `preset:` may have.
    package static var presetNames: [String] { Preset.names }

    /// In the order of the files.
    package let connections: [Connection]
    /// Those with a host before those without, long prefixes before short ones.
    private let order: [Connection]

    /// Reads `connections:` of each document; other keys at the top are not looked at.
    ///
    /// - Throws: `DocumentErrors` with every fault of all documents.
    package init(_ documents: [YAMLNode]) throws(DocumentErrors) {
        var errors: [DocumentError] = []
        var connections: [Connection] = []
        for document in documents {
            for node in document["connections"]?.items() ?? [] {
                guard let connection = ConnectionReader.connection(node, errors: &errors) else { continue }
                if let fault = Self.clash(connection, connections) { errors.append(node.error(fault)) }
                connections.append(connection)
            }
        }
        guard errors.isEmpty else { throw DocumentErrors(errors) }
        self.connections = connections
        order = connections.sorted { a, b in
            let first = (a.settings.address.hosts.isEmpty ? 1 : 0, -a.settings.address.pathPrefix.utf8.count)
            let second = (b.settings.address.hosts.isEmpty ? 1 : 0, -b.settings.address.pathPrefix.utf8.count)
            return first < second
        }
    }

    /// Reads files.
    ///
    /// - Throws: `DocumentErrors` with every fault of all files.
    package init(paths: [String]) throws(DocumentErrors) {
        var errors: [DocumentError] = []
        var documents: [YAMLNode] = []
        for path in paths {
            do throws(DocumentError) {
                documents += try YAMLReader.documents(path: path)
            } catch {
                errors.append(error)
            }
        }
        guard errors.isEmpty else { throw DocumentErrors(errors) }
        try self.init(documents)
    }

    /// The connection that a request is addressed to, nil when there is none (404).
    ///
    /// - Parameters:
    ///   - host: the Host header or `:authority`, with or without a port; nil when there is none.
    ///   - path: as it came, still percent-encoded, without the query.
    package func route(host: String?, path: String) -> Destination? {
        let host = host.map(Self.name)
        for connection in order {
            let address = connection.settings.address
            guard let rest = Self.rest(of: path, after: address.pathPrefix) else { continue }
            if address.hosts.isEmpty { return Destination(connection: connection, path: rest) }
            guard let host else { continue }
            for pattern in address.hosts {
                if pattern == host { return Destination(connection: connection, path: rest) }
                guard pattern.hasPrefix("*."), host.hasSuffix(pattern.dropFirst()) else { continue }
                let label = host.dropLast(pattern.utf8.count - 1)
                guard !label.isEmpty else { continue }
                return Destination(connection: connection, path: "/\(label)\(rest == "/" ? "" : rest)")
            }
        }
        return nil
    }

    /// What follows the prefix, from its slash on; nil when the path does not have it as whole segments.
    private static func rest(of path: String, after prefix: String) -> String? {
        if prefix.isEmpty { return path }
        guard path.utf8.starts(with: prefix.utf8) else { return nil }
        let rest = path.utf8.dropFirst(prefix.utf8.count)
        guard let first = rest.first else { return "/" }
        return first == UInt8(ascii: "/") ? String(path[rest.startIndex...]) : nil
    }

    /// A host without its port and the dot of the root, lower case.
    private static func name(_ host: String) -> String {
        var name = host.lowercased()[...]
        if let colon = name.utf8.lastIndex(of: UInt8(ascii: ":")), !name.hasSuffix("]") { name = name[..<colon] }
        if name.hasSuffix(".") { name = name.dropLast() }
        return String(name)
    }

    private static func clash(_ connection: Connection, _ others: [Connection]) -> String? {
        for other in others {
            if other.name == connection.name { return "the name '\(other.name)' is taken by another connection." }
            let one = connection.settings.address
            let two = other.settings.address
            guard one.pathPrefix == two.pathPrefix else { continue }
            if one.hosts.isEmpty && two.hosts.isEmpty || one.hosts.contains(where: two.hosts.contains) {
                return "has the address of the connection '\(other.name)'. Give it another path or host."
            }
        }
        return nil
    }
}
