// SPDX-License-Identifier: Apache-2.0

import Desk
import HTTPTypes
import JSONText

/// The OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1.html) of the table of operations.
enum OpenAPI {
    static func document(_ operations: [Operation], version: String) -> [UInt8] {
        var json = JSONWriter(capacity: 128 * 1024)
        value(operations, version: version).write(to: &json)
        return json.bytes
    }

    private static func value(_ operations: [Operation], version: String) -> JSONValue {
        var paths: [JSONValue.Member] = []
        for operation in operations where !paths.contains(where: { $0.name == API.base + operation.path }) {
            let here = operations.filter { $0.path == operation.path }
            paths.append(
                .init(
                    API.base + operation.path,
                    .object(here.map { .init($0.method.rawValue.lowercased(), self.operation($0)) })))
        }
        var tags: [String] = []
        for operation in operations where !tags.contains(operation.tag) { tags.append(operation.tag) }
        return [
            "openapi": "3.1.1",
            "info": [
                "title": "Gatewatch hub", "version": .text(version),
                "summary": "Everything that the console does, as JSON.",
                "description": .text(description), "license": ["name": "Apache 2.0", "identifier": "Apache-2.0"],
            ],
            "servers": [["url": "/"]],
            "security": [["token": []]],
            "tags": .list(tags.map { ["name": .text($0)] }),
            "paths": .object(paths),
            "components": [
                "securitySchemes": [
                    "token": [
                        "type": "http", "scheme": "bearer",
                        "description": "An API token of the console, or of `gatewatch tokens create`.",
                    ]
                ],
                "schemas": .object(schemas.map { .init($0.name, $0.schema.json) }),
                "responses": .object([
                    .init(
                        "Problem",
                        [
                            "description": "What is wrong (RFC 9457).",
                            "content": [
                                "application/problem+json": ["schema": ["$ref": "#/components/schemas/Problem"]]
                            ],
                        ])
                ]),
            ],
        ]
    }

    private static let description = """
        Times are milliseconds since the epoch, UTC, unless a name says seconds. Lists come in parts: `next` is the `cursor` of the \
        next request. What is not known here is refused by its name. A request that does not fit this document is answered with \
        400; one that fits and makes no sense, with 422; one that cannot be done as things are, with 409.
        """

    private static func operation(_ operation: Operation) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("operationId", .text(operation.id)), .init("tags", [.text(operation.tag)]),
            .init("summary", .text(operation.summary)),
        ]
        let role = "Takes the role \(operation.permission.role.rawValue)."
        members.append(
            .init("description", .text([operation.description, role].compactMap(\.self).joined(separator: " "))))
        members.append(.init("x-gatewatch-permission", .text(operation.permission.rawValue)))
        if !operation.parameters.isEmpty {
            members.append(.init("parameters", .list(operation.parameters.map(parameter))))
        }
        if let body = operation.body {
            members.append(
                .init("requestBody", ["required": true, "content": ["application/json": ["schema": body.json]]]))
        }
        members.append(.init("responses", responses(operation)))
        return .object(members)
    }

    private static func parameter(_ parameter: Operation.Parameter) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("name", .text(parameter.name)), .init("in", .text(parameter.place.rawValue)),
        ]
        if parameter.place == .path || parameter.isRequired { members.append(.init("required", true)) }
        if let words = parameter.description { members.append(.init("description", .text(words))) }
        var property = Schema.Property(parameter.name, parameter.schema)
        property.standard = parameter.standard
        members.append(.init("schema", property.json))
        return .object(members)
    }

    private static func responses(_ operation: Operation) -> JSONValue {
        var success: [JSONValue.Member] = [
            .init("description", operation.status == .created ? "It is there." : "It is done, or here it is."),
            .init("content", ["application/json": ["schema": operation.answer.json]]),
        ]
        if operation.hasVersion {
            success.append(
                .init(
                    "headers",
                    ["ETag": ["description": "The version, for If-Match.", "schema": ["type": "string"]]]))
        }
        var members: [JSONValue.Member] = [.init("\(operation.status.code)", .object(success))]
        let places = Set(operation.parameters.map(\.place))
        var problems: Set<Int> = [400, 401, 403]
        if places.contains(.path) { problems.insert(404) }
        if places.contains(.header) { problems.insert(412) }
        if operation.mayConflict { problems.insert(409) }
        if operation.body != nil { problems.formUnion([413, 415, 422]) }
        if places.contains(.query) { problems.insert(422) }
        if operation.needsKafka { problems.insert(503) }
        for status in problems.sorted() {
            members.append(.init("\(status)", ["$ref": "#/components/responses/Problem"]))
        }
        members.append(.init("default", ["$ref": "#/components/responses/Problem"]))
        return .object(members)
    }

    // MARK: Schemas

    private static func entry<Value>(_ shape: Shape<Value>) -> (name: String, schema: Schema) {
        (shape.name, shape.definition)
    }

    private static let problem = Schema.object([
        .init("type", .anyText, "`urn:gatewatch:problem:` and a word."), .init("title", .anyText),
        .init("status", .integer(400...599)), .init("detail", .anyText, "A sentence, and what to do."),
        .init("field", .anyText, isRequired: false, "What is meant of what was sent."),
        .init("instance", .anyText, isRequired: false, "The request, as the hub's log names it."),
    ])

    /// Of all shapes that an answer can have.
    private static let schemas: [(name: String, schema: Schema)] =
        [
            ("Problem", problem), entry(HubShapes.overview), entry(HubShapes.bySeverity), entry(HubShapes.hour),
            entry(HubShapes.hits), entry(HubShapes.health), entry(HubShapes.check), entry(HubShapes.me),
        ] + [
            entry(IncidentShapes.incident), entry(IncidentShapes.incidents), entry(IncidentShapes.term),
            entry(IncidentShapes.detail), entry(IncidentShapes.reach), entry(IncidentShapes.seen),
            entry(IncidentShapes.entry), entry(IncidentShapes.timeline), entry(IncidentShapes.alert),
            entry(IncidentShapes.alerts), entry(IncidentShapes.alertDetail), entry(IncidentShapes.risk),
            entry(IncidentShapes.identity),
        ] + [
            entry(ActivityShapes.identity), entry(ActivityShapes.identities), entry(ActivityShapes.day),
            entry(ActivityShapes.operation), entry(ActivityShapes.resource), entry(ActivityShapes.reach),
            entry(ActivityShapes.users), entry(ActivityShapes.change), entry(ActivityShapes.activity),
            entry(ActivityShapes.session), entry(ActivityShapes.sessions),
        ] + [
            entry(ControlShapes.approval), entry(ControlShapes.approvals), entry(ControlShapes.order),
            entry(ControlShapes.orders), entry(ControlShapes.subject), entry(ControlShapes.word),
        ] + [
            entry(HubShapes.silence), entry(HubShapes.silences), entry(HubShapes.delivery), entry(HubShapes.deliveries),
            entry(HubShapes.target), entry(HubShapes.targets), entry(HubShapes.receivers), entry(HubShapes.touched),
            entry(HubShapes.trial), entry(HubShapes.trials), entry(HubShapes.detector), entry(HubShapes.detectors),
            entry(HubShapes.detectorDetail), entry(HubShapes.precision), entry(HubShapes.row), entry(HubShapes.rows),
            entry(HubShapes.verification), entry(HubShapes.token), entry(HubShapes.tokens), entry(HubShapes.newToken),
        ] + [
            entry(RecordingShapes.summary), entry(RecordingShapes.summaries), entry(RecordingShapes.stored),
            entry(RecordingShapes.session), entry(RecordingShapes.sessions), entry(RecordingShapes.step),
            entry(RecordingShapes.steps),
        ]
}
