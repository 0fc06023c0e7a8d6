// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import YAMLDocument

/// Reads `routes:` of a preset or a connection.
///
/// ```yaml
/// routes:
///   - match: POST /collections/{collection}/points/search   # or a list; see PathTemplate
///     operation: vectors.query          # or { corpus: corpus.read, checkpoint: checkpoint.download } by the {bucket}
///     operation_when:                   # the first that holds wins over `operation`
///       - { at: /operations/*/delete, operation: vectors.delete }             # something is there
///       - { at: /operation, is: download, operation: checkpoint.download }    # this text is there
///     activity: query                   # create read update delete query write connect list; by the operation
///     sensitive: false                  # by the operation if left out
///     resource: { type: collection, name: "{collection}", uid: "{/id}" }      # or a list; see TextTemplate
///     namespace: "{collection}"         # or a list
///     items: { from: /limit, default: 10 }                                    # see below
///     query_text: [/query/text]         # JSON pointers; the longest text counts
///     returned: [/result/*]             # JSON pointers into the response; what is there counts
///     body: json                        # ndjson; stream: never read
///     refuse_headers: [x-copy-source]   # headers that would change what the request does
/// ```
///
/// Items are a number, `all`, or one of these, or a list of them of which the first that has an answer counts:
/// `{ count: /ids/* }`; `{ inputs: /input }` (OpenAI's); `{ from: /limit, default: 10 }` (`default: all` where the API
/// returns everything; `?name` reads the query); `{ from: /searches/*/limit, default: 10, each: /searches/* }`.
/// `times:` multiplies by another.
struct RouteReader {
    private static let keys = [
        "match", "operation", "operation_when", "activity", "sensitive", "resource", "namespace", "items", "query_text",
        "returned", "body",
        "refuse_headers",
    ]
    /// What resources are (DESIGN §2).
    static let resourceTypes = ["model", "checkpoint", "corpus", "collection", "pipeline_config", "policy"]

    private var plan = JSONPlan()
    private var texts: [Int] = []
    private let variables: [String]
    private let template: PathTemplate

    /// The routes of a list; every fault is added to `errors`.
    static func routes(_ node: YAMLNode?, errors: inout [DocumentError]) -> [Route] {
        var routes: [Route] = []
        for item in node?.items() ?? [] {
            do throws(DocumentError) {
                try item.refuseKeys(except: keys)
                for match in try item.required("match").items() {
                    var reader = try RouteReader(match)
                    routes.append(try reader.route(item))
                }
            } catch {
                errors.append(error)
            }
        }
        return routes
    }

    private init(_ match: YAMLNode) throws(DocumentError) {
        let text = try match.text()
        do throws(TemplateError) {
            template = try PathTemplate(text)
        } catch {
            throw match.error(error.message)
        }
        variables = template.variables
    }

    private mutating func route(_ node: YAMLNode) throws(DocumentError) -> Route {
        let operations = try operations(try node.required("operation"))
        var bodyOperations: [Route.BodyOperation] = []
        for item in node["operation_when"]?.items() ?? [] { bodyOperations.append(try bodyOperation(item)) }
        var resources: [Route.ResourceTemplate] = []
        for item in node["resource"]?.items() ?? [] { resources.append(try resource(item, operations)) }
        var namespaces: [TextTemplate] = []
        for item in node["namespace"]?.items() ?? [] { namespaces.append(try text(item)) }
        let items = try node["items"].map { node throws(DocumentError) in try self.items(node) } ?? []
        for item in node["query_text"]?.items() ?? [] { texts.append(try pointer(item)) }
        var returned = JSONPlan()
        for item in node["returned"]?.items() ?? [] { _ = try Self.watch(item, in: &returned) }
        let body = try node["body"]?.word(Route.Body.self, "kind of body") ?? .json
        if body == .stream, !plan.isEmpty {
            throw node.error("reads the body, and says body: stream, which is never read. Take one of them away.")
        }
        return Route(
            template: template, operations: operations, bodyOperations: bodyOperations,
            activity: try node["activity"]?.word(Activity.self, "activity"),
            isSensitive: try node["sensitive"]?.boolean(), resources: resources, namespaces: namespaces, items: items,
            texts: texts, body: body, plan: plan, returned: returned,
            refusedHeaders: (try node["refuse_headers"]?.texts() ?? []).map { $0.lowercased() })
    }

    private func operations(_ node: YAMLNode) throws(DocumentError) -> Route.Operations {
        guard case .mapping = node.content else { return .one(try node.word(Operation.self, "operation")) }
        try node.refuseKeys(except: Route.Contents.allCases.map(\.rawValue))
        guard let variable = variables.firstIndex(of: "bucket") else {
            throw node.error("the operation goes by what the bucket holds, but the path has no {bucket}.")
        }
        return .byContents(
            variable: variable, corpus: try node.required("corpus").word(Operation.self, "operation"),
            checkpoint: try node.required("checkpoint").word(Operation.self, "operation"))
    }

    private mutating func bodyOperation(_ node: YAMLNode) throws(DocumentError) -> Route.BodyOperation {
        try node.refuseKeys(except: ["at", "is", "operation"])
        let place = try node.required("at")
        let text = try node["is"]?.text()
        return Route.BodyOperation(
            watch: try Self.watch(try place.text(), at: place, keeps: text != nil, in: &plan), text: text,
            operation: try node.required("operation").word(Operation.self, "operation"))
    }

    private mutating func resource(
        _ node: YAMLNode, _ operations: Route.Operations
    ) throws(DocumentError) -> Route.ResourceTemplate {
        try node.refuseKeys(except: ["type", "name", "uid"])
        let type = try node["type"]?.text()
        if let type {
            guard Self.resourceTypes.contains(type) else {
                throw node.error(unknownKey(type, known: Self.resourceTypes, what: "resource type"))
            }
        } else if case .one = operations {
            throw node.error("the key 'type' is missing.")
        }
        let name = try text(try node.required("name"))
        return Route.ResourceTemplate(
            type: type, name: name, uid: try node["uid"].map { node throws(DocumentError) in try text(node) })
    }

    private mutating func text(_ node: YAMLNode) throws(DocumentError) -> TextTemplate {
        let text = try node.text()
        do throws(TemplateError) {
            return try TextTemplate(text, variables: variables, plan: &plan)
        } catch {
            throw node.error(error.message)
        }
    }

    // MARK: Items

    private mutating func items(_ node: YAMLNode) throws(DocumentError) -> [ItemRule] {
        var rules: [ItemRule] = []
        for item in node.items() { rules.append(try rule(item)) }
        return rules
    }

    private mutating func rule(_ node: YAMLNode) throws(DocumentError) -> ItemRule {
        guard case .mapping = node.content else { return ItemRule(kind: .fixed(try node.countOrAll())) }
        try node.refuseKeys(except: ["count", "inputs", "from", "default", "each", "times"])
        var times: [[ItemRule]] = []
        for item in node["times"]?.items() ?? [] { times.append([try rule(item)]) }
        if let count = node["count"] {
            var places: [Int] = []
            for item in count.items() { places.append(try pointer(item)) }
            return ItemRule(kind: .count(places), times: times)
        }
        if let inputs = node["inputs"] {
            let top = try pointer(inputs)
            let element = try Self.watch(try inputs.text() + "/*", at: inputs, in: &plan)
            texts += [top, element]
            return ItemRule(kind: .inputs(top: top, element: element), times: times)
        }
        var sources: [ItemRule.Source] = []
        for item in try node.required("from").items() {
            let text = try item.text()
            if text.hasPrefix("?") {
                sources.append(.query(String(text.dropFirst())))
            } else {
                sources.append(.body(try Self.watch(text, at: item, keeps: true, in: &plan), text))
            }
        }
        return ItemRule(
            kind: .numbers(
                sources, otherwise: try node["default"]?.countOrAll(),
                each: try node["each"].map { node throws(DocumentError) in try pointer(node) }), times: times)
    }

    private mutating func pointer(_ node: YAMLNode) throws(DocumentError) -> Int {
        try Self.watch(node, in: &plan)
    }

    private static func watch(_ node: YAMLNode, in plan: inout JSONPlan) throws(DocumentError) -> Int {
        try watch(try node.text(), at: node, in: &plan)
    }

    private static func watch(
        _ pointer: String, at node: YAMLNode, keeps: Bool = false, in plan: inout JSONPlan
    ) throws(DocumentError) -> Int {
        do throws(JSONPlan.PointerError) {
            return try plan.watch(pointer, keeps: keeps)
        } catch {
            throw node.error(error.message)
        }
    }
}

extension YAMLNode {
    fileprivate func countOrAll() throws(DocumentError) -> Int {
        try text() == "all" ? Int.max : try count()
    }

    /// One of the words of an enumeration.
    func word<Word: RawRepresentable & CaseIterable>(
        _ type: Word.Type, _ what: String
    ) throws(DocumentError) -> Word where Word.RawValue == String {
        let text = try text()
        guard let word = Word(rawValue: text) else {
            throw error(unknownKey(text, known: Word.allCases.map(\.rawValue), what: what))
        }
        return word
    }
}
