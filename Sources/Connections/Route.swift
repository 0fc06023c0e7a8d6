// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// What one kind of request of a connection means.
final class Route: Sendable {
    /// What a bucket (or any container that holds either) holds: see `buckets:` of a connection.
    enum Contents: String, Sendable, CaseIterable {
        case corpus, checkpoint
    }

    enum Operations: Sendable {
        case one(Operation)
        /// By what the bucket holds whose name is this variable of the path.
        case byContents(variable: Int, corpus: Operation, checkpoint: Operation)
    }

    /// Another operation when the body has something.
    struct BodyOperation: Sendable {
        /// Index of the finding.
        let watch: Int
        /// The text that has to be there, nil for anything but null.
        let text: String?
        let operation: Operation
    }

    struct ResourceTemplate: Sendable {
        /// Nil: what the bucket holds.
        let type: String?
        let name: TextTemplate
        let uid: TextTemplate?
    }

    enum Body: String, Sendable, CaseIterable {
        /// Read when a pointer or a blocked pattern looks at it.
        case json
        /// The same, line by line.
        case ndjson
        /// Never read: uploads.
        case stream
    }

    let template: PathTemplate
    let operations: Operations
    /// The first that holds wins over `operations`.
    let bodyOperations: [BodyOperation]
    let activity: Activity?
    let isSensitive: Bool?
    let resources: [ResourceTemplate]
    let namespaces: [TextTemplate]
    let items: [ItemRule]
    /// Findings whose longest text is the query's length.
    let texts: [Int]
    let body: Body
    /// What of the request's body is looked at.
    let plan: JSONPlan
    /// What of the response's body is counted.
    let returned: JSONPlan
    /// Headers (lower case) that would change what the request does: refused.
    let refusedHeaders: [String]

    init(
        template: PathTemplate, operations: Operations, bodyOperations: [BodyOperation], activity: Activity?,
        isSensitive: Bool?,
        resources: [ResourceTemplate], namespaces: [TextTemplate], items: [ItemRule], texts: [Int], body: Body,
        plan: JSONPlan, returned: JSONPlan, refusedHeaders: [String]
    ) {
        self.template = template
        self.operations = operations
        self.bodyOperations = bodyOperations
        self.activity = activity
        self.isSensitive = isSensitive
        self.resources = resources
        self.namespaces = namespaces
        self.items = items
        self.texts = texts
        self.body = body
        self.plan = plan
        self.returned = returned
        self.refusedHeaders = refusedHeaders
    }

    /// Where no route matches and the connection passes that on: `other`, and nothing is known of it.
    static let unmapped = Route(
        template: .anything, operations: .one(.other), bodyOperations: [], activity: nil, isSensitive: nil,
        resources: [], namespaces: [],
        items: [], texts: [], body: .json, plan: JSONPlan(), returned: JSONPlan(), refusedHeaders: [])
}
