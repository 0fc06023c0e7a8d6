// SPDX-License-Identifier: Apache-2.0

/// The routes of a connection as a tree of segments, one per method. No regular expressions: a look-up costs the path's
/// length.
///
/// A literal segment wins over a variable, that over a tail; of routes with one path, the one with more query
/// conditions wins, then the one that was added first.
struct RouteTable: Sendable {
    private struct Node: Sendable {
        var literals: [String: Int] = [:]
        var variable = -1
        var delicateVariable = -1
        var endings: [(text: String, node: Int)] = []
        /// Indices of routes that end here, without and with a slash at the end, and of those whose tail begins here.
        var ends: [Int] = []
        var slashEnds: [Int] = []
        var tails: [Int] = []
    }

    private(set) var routes: [Route] = []
    private var nodes = [Node()]

    /// Adds a route; earlier ones win over later ones that match the same.
    mutating func add(_ route: Route) {
        let index = routes.count
        routes.append(route)
        var node = 0
        for segment in route.template.segments {
            if segment == .tail { break }
            node = child(of: node, segment)
        }
        if route.template.segments.last == .tail {
            nodes[node].tails = inserted(index, into: nodes[node].tails)
        } else if route.template.endsWithSlash {
            nodes[node].slashEnds = inserted(index, into: nodes[node].slashEnds)
        } else {
            nodes[node].ends = inserted(index, into: nodes[node].ends)
        }
    }

    private mutating func child(of node: Int, _ segment: PathTemplate.Segment) -> Int {
        let known =
            switch segment {
            case .literal(let text): nodes[node].literals[text] ?? -1
            case .variable: nodes[node].variable
            case .ending(let text): nodes[node].endings.first { $0.text == text }?.node ?? -1
            case .delicateVariable, .tail: nodes[node].delicateVariable
            }
        if known >= 0 { return known }
        nodes.append(Node())
        let new = nodes.count - 1
        switch segment {
        case .literal(let text): nodes[node].literals[text] = new
        case .variable: nodes[node].variable = new
        case .ending(let text): nodes[node].endings.append((text, new))
        case .delicateVariable, .tail: nodes[node].delicateVariable = new
        }
        return new
    }

    private func inserted(_ index: Int, into list: [Int]) -> [Int] {
        var list = list
        let conditions = routes[index].template.conditions.count
        let place = list.firstIndex { routes[$0].template.conditions.count < conditions } ?? list.endIndex
        list.insert(index, at: place)
        return list
    }

    /// The route and the values of its variables, in their order; nil when there is none.
    func match(method: String, path: RequestPath, query: RequestQuery) -> (route: Route, variables: [String])? {
        var search = Search(method: method, path: path, query: query)
        guard let index = find(0, 0, &search) else { return nil }
        return (routes[index], search.variables)
    }

    private struct Search {
        let method: String
        let path: RequestPath
        let query: RequestQuery
        var variables: [String] = []
        /// Nodes that may still be tried: variables beside literals could make a deep tree expensive.
        var budget = 10_000
    }

    private func find(_ node: Int, _ depth: Int, _ search: inout Search) -> Int? {
        search.budget -= 1
        guard search.budget > 0 else { return nil }
        let segments = search.path.segments
        guard depth < segments.count else {
            return first(search.path.hasTrailingSlash ? nodes[node].slashEnds : nodes[node].ends, search)
        }
        let segment = segments[depth]
        if let next = nodes[node].literals[segment.text], let found = find(next, depth + 1, &search) { return found }
        for ending in nodes[node].endings where !segment.isDelicate && segment.text.hasSuffix(ending.text) {
            let name = String(segment.text.dropLast(ending.text.count))
            if !name.isEmpty, let found = find(variable: ending.node, name, depth, &search) { return found }
        }
        if nodes[node].variable >= 0, !segment.isDelicate,
            let found = find(variable: nodes[node].variable, segment.text, depth, &search)
        {
            return found
        }
        if nodes[node].delicateVariable >= 0,
            let found = find(variable: nodes[node].delicateVariable, segment.text, depth, &search)
        {
            return found
        }
        guard let found = first(nodes[node].tails, search) else { return nil }
        let tail = segments[depth...].map(\.text).joined(separator: "/")
        search.variables.append(search.path.hasTrailingSlash ? tail + "/" : tail)
        return found
    }

    private func find(variable node: Int, _ text: String, _ depth: Int, _ search: inout Search) -> Int? {
        search.variables.append(text)
        if let found = find(node, depth + 1, &search) { return found }
        search.variables.removeLast()
        return nil
    }

    private func first(_ candidates: [Int], _ search: Search) -> Int? {
        candidates.first { index in
            let template = routes[index].template
            return (template.methods.isEmpty || template.methods.contains(search.method))
                && template.holds(for: search.query)
        }
    }
}
