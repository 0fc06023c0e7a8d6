// SPDX-License-Identifier: Apache-2.0

package import AuditEvent

/// What a request is, by its method, path and query.
package struct OperationMatch: Sendable {
    /// What is to be done with the request's body before it is passed on.
    package enum BodyMode: Sendable, Equatable {
        /// Nothing looks at it: pass it on as it comes, and take `facts(contentLength:)`.
        case none
        /// Collect it, at most so many bytes as sent (more is a 413), give it to
        /// `facts(body:contentType:contentEncoding:)`, then send the same bytes on.
        case inspect(limit: Int)
        /// An upload: like `none`, and expected to be large.
        case stream
    }

    /// By the head alone: `RequestFacts.operation` is the final word, since some APIs say in the body what they are
    /// asked to do.
    package let operation: Operation
    /// `activity_id` of API Activity (6003).
    package let activityID: Int
    /// Whether a lockdown asks for approval of it.
    package let isSensitive: Bool
    /// The request-target for the upstream: its base path, the path as it came (what was matched is what is sent), the
    /// query.
    package let upstreamTarget: String
    /// The route that matched, as it is written: for logs.
    package let route: String
    /// The body's treatment.
    package let body: BodyMode
    /// False for what no route has, passed because the connection says `unmatched: other`.
    package let isMapped: Bool

    let connection: Connection
    let definition: Route
    let variables: [String]
    let query: RequestQuery
    let contents: Route.Contents

    /// The access class of the operation.
    package var accessClass: AccessClass { operation.accessClass }

    /// Counts what the response really returns, nil when the route names nothing to count. Ask the upstream for
    /// `Accept-Encoding: identity` then, and feed only 2xx responses of a JSON type.
    package func responseCounter() -> ResponseCounter? {
        definition.returned.isEmpty ? nil : ResponseCounter(definition.returned)
    }

    /// What the request's head tells, all of it where the body is not read; until the body is there, also what is known
    /// so far.
    ///
    /// - Parameter contentLength: of the request, nil when it is not known.
    /// - Throws: `RequestRefusal` (400) for a query parameter that policy reads and that is given twice or is no
    ///   number.
    package func facts(contentLength: Int?) throws(RequestRefusal) -> RequestFacts {
        var search = PatternSearch(connection.policy.blockedPatterns)
        let empty = Array(repeating: JSONFinding(), count: definition.plan.count)
        return try facts(findings: empty, contentLength: contentLength, &search)
    }

    /// What the request tells with its body.
    ///
    /// - Parameters:
    ///   - body: all of it, as it is sent.
    ///   - contentType: the header, nil when it is absent.
    ///   - contentEncoding: the header, nil when it is absent; several joined by commas.
    /// - Throws: `RequestRefusal`: 400 for a body that is not JSON, or that two readers could read differently, 413 for
    ///   one that inflates past the limit, 415 for one that cannot be read.
    package func facts(
        body: UnsafeRawBufferPointer, contentType: String?, contentEncoding: String?
    ) throws(RequestRefusal) -> RequestFacts {
        var search = PatternSearch(connection.policy.blockedPatterns)
        let reading = try BodyReading(
            body, route: definition, contentType: contentType, contentEncoding: contentEncoding,
            limit: connection.policy.inspectedBytes, patterns: &search)
        var facts = try facts(findings: reading.findings, contentLength: body.count, &search)
        facts.decodedLength = reading.length
        return facts
    }

    /// The same for bytes in an array.
    package func facts(
        body: [UInt8], contentType: String?, contentEncoding: String?
    ) throws(RequestRefusal) -> RequestFacts {
        let result = body.withUnsafeBytes { bytes -> Result<RequestFacts, RequestRefusal> in
            Result { () throws(RequestRefusal) in
                try facts(body: bytes, contentType: contentType, contentEncoding: contentEncoding)
            }
        }
        return try result.get()
    }

    private func facts(
        findings: [JSONFinding], contentLength: Int?, _ search: inout PatternSearch
    ) throws(RequestRefusal) -> RequestFacts {
        var facts = RequestFacts(operation: operation, activityID: activityID, isSensitive: isSensitive)
        let other = definition.bodyOperations.first { rule in
            let finding = findings[rule.watch]
            return rule.text.map { finding.texts.contains($0) } ?? (finding.count > 0)
        }
        if let other {
            facts = RequestFacts(operation: other.operation, isSensitive: definition.isSensitive)
        }
        facts.contentLength = contentLength
        for template in definition.resources {
            let type = template.type ?? contents.rawValue
            let uid = try names(template.uid, findings).first
            for name in try names(template.name, findings) {
                let resource = ResourceReference(type: type, name: name, uid: uid)
                if !facts.resources.contains(resource) { facts.resources.append(resource) }
            }
        }
        for template in definition.namespaces {
            for name in try names(template, findings) where !facts.namespaces.contains(name) {
                facts.namespaces.append(name)
            }
        }
        facts.items = try ItemRule.first(of: definition.items, findings: findings, query: query)
        for index in definition.texts {
            let finding = findings[index]
            guard finding.count > 0 else { continue }
            facts.queryLength = max(facts.queryLength ?? 0, finding.longestString)
        }
        for rule in definition.items {
            guard let tokens = rule.longestTokens(findings: findings) else { continue }
            facts.queryLength = max(facts.queryLength ?? 0, tokens * 4)
        }
        if search.isNeeded {
            for parameter in query.parameters { search.search(parameter.value) }
        }
        facts.blocked = search.hit
        return facts
    }

    private func names(_ template: TextTemplate?, _ findings: [JSONFinding]) throws(RequestRefusal) -> [String] {
        guard let template else { return [] }
        return try template.expand(variables: variables, query: query, findings: findings, plan: definition.plan)
    }
}
