// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// One service behind the gateway: what requests to it mean, and what callers may do. Immutable.
package final class Connection: Sendable {
    /// Headers (lower case) by which servers and proxies let a client change the method or the path after they were
    /// matched: they are taken off every request before it is passed on.
    package static let overridingHeaders = [
        "x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url",
        "x-original-uri", "x-forwarded-uri", "x-forwarded-prefix", "x-script-name",
    ]

    package let settings: ConnectionSettings
    package let policy: Policy
    private let routes: RouteTable
    private let buckets: [(glob: Glob, contents: Route.Contents)]

    package var name: String { settings.name }

    init(
        settings: ConnectionSettings, policy: Policy, routes: RouteTable,
        buckets: [(glob: Glob, contents: Route.Contents)]
    ) {
        self.settings = settings
        self.policy = policy
        self.routes = routes
        self.buckets = buckets
    }

    /// What a request is.
    ///
    /// - Parameters:
    ///   - method: as it came; methods are case-sensitive (RFC 9110 §9.1).
    ///   - path: as it came, still percent-encoded, without the query, less the connection's prefix
    ///   (`ConnectionSet.route` gives it).
    ///   - query: as it came, without the `?`; nil when there is none.
    ///   - hasHeader: whether the request has a header of this name (lower case).
    /// - Throws: `RequestRefusal`: 400 for a path or query that can be read in two ways, 403 for one that no route has
    ///   or with a header that the route refuses.
    package func match(
        method: String, path: String, query: String?, hasHeader: (String) -> Bool
    ) throws(RequestRefusal) -> OperationMatch {
        let parsed = try RequestPath(path[...])
        let parameters =
            try query.map { query throws(RequestRefusal) in try RequestQuery(query[...]) } ?? RequestQuery()
        let found = routes.match(method: method, path: parsed, query: parameters)
        if found == nil {
            if parsed.segments.contains(where: \.isDelicate) {
                throw RequestRefusal(
                    .ambiguousPath, "The path holds an encoded slash, backslash, ';' or escape where none may be.")
            }
            guard settings.unmatched == .other else {
                throw RequestRefusal(
                    .notMapped,
                    "\(RequestRefusal.shown(method)) \(RequestRefusal.shown(path)) is no operation of the connection "
                        + "'\(name)'.")
            }
        }
        let route = found?.route ?? Route.unmapped
        let variables = found?.variables ?? []
        if let header = route.refusedHeaders.first(where: hasHeader) {
            throw RequestRefusal(.forbiddenHeader, "The header '\(header)' is not allowed with this operation.")
        }
        var contents = Route.Contents.corpus
        let operation: Operation
        switch route.operations {
        case .one(let one): operation = one
        case .byContents(let variable, let corpus, let checkpoint):
            contents = buckets.first { $0.glob.matches(variables[variable]) }?.contents ?? .corpus
            operation = contents == .corpus ? corpus : checkpoint
        }
        let activity = route.activity ?? operation.activity
        var target = settings.upstreamPath + path
        if let query { target += "?" + query }
        return OperationMatch(
            operation: operation, activityID: activity.id,
            isSensitive: route.isSensitive ?? operation.isSensitive, upstreamTarget: target, route: route.template.text,
            body: bodyMode(route), isMapped: found != nil, connection: self, definition: route, variables: variables,
            query: parameters, contents: contents)
    }

    private func bodyMode(_ route: Route) -> OperationMatch.BodyMode {
        if route.body == .stream { return .stream }
        if route.plan.isEmpty, policy.blockedPatterns.isEmpty { return .none }
        return .inspect(limit: policy.inspectedBytes)
    }
}
