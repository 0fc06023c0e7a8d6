// SPDX-License-Identifier: Apache-2.0

package import Desk
import HTTPTypes
package import Hummingbird
import JSONText
import NIOCore
package import Web

/// Everything that the console does, as JSON under `/api/v1`: one table of operations gives the routes, the checks and the OpenAPI
/// document at `/api/v1/openapi.json`.
package struct API: Sendable {
    /// What all paths begin with.
    static let base = "/api/v1"
    /// Bytes of a body.
    static let maximumBody = 64 * 1024

    /// Makes the weekly report as JSON; `week` is nil for the last whole one. Whoever asks for names is noted there, before.
    package typealias Report = @Sendable (_ week: String?, _ isNamed: Bool, _ actor: Actor) async throws -> [UInt8]

    let desk: Desk
    let report: Report?
    let operations: [Operation]
    /// The OpenAPI document.
    package let document: [UInt8]

    /// - Parameters:
    ///   - version: of Gatewatch, for the document.
    ///   - report: nil where no reports are made.
    package init(desk: Desk, version: String, report: Report? = nil) {
        self.desk = desk
        self.report = report
        operations = Operation.table
        document = OpenAPI.document(operations, version: version)
    }

    /// Answers all below `/api`: a router would not know which other methods a path has.
    package func add(to router: Router<WebContext>) { router.add(middleware: APIMiddleware(api: self)) }

    /// The identifiers of the operations with what they take, for tests of who may what.
    package var table: [(id: String, method: String, path: String, permission: Permission)] {
        operations.map { ($0.id, $0.method.rawValue, Self.base + $0.path, $0.permission) }
    }
}

extension Operation {
    /// The order is the document's.
    static let table =
        overview + reports + incidents + alerts + activity + controls + silences + deliveries + detectors + evidence
        + recordings
        + tokens
}

private struct APIMiddleware: RouterMiddleware {
    typealias Context = WebContext
    let api: API

    func handle(
        _ request: Request, context: WebContext, next: (Request, WebContext) async throws -> Response
    ) async throws -> Response {
        guard request.uri.path == "/api" || request.uri.path.hasPrefix("/api/") else {
            return try await next(request, context)
        }
        return try await api.respond(to: request, context)
    }
}

extension API {
    fileprivate func respond(to request: Request, _ context: WebContext) async throws -> Response {
        let actor = try context.actor
        // A HEAD is a GET whose content stays here (RFC 9110, section 9.3.2).
        let method = request.method == .head ? .get : request.method
        let path = request.uri.path
        if path == Self.base + "/openapi.json" {
            guard method == .get else { throw Self.wrongMethod([.get]) }
            return answer(document, .ok, to: request)
        }
        let (operation, values) = try find(method, path)
        try desk.require(operation.permission, of: actor)
        var call = Call(desk: desk, actor: actor, report: report)
        call.parameters = try parameters(of: operation, values, request)
        call.body = try await body(of: operation, request)
        let reply = try await operation.handle(call)
        var response = answer(reply.body, operation.status, to: request)
        if let version = reply.version { response.headers[.eTag] = "\"\(version)\"" }
        return response
    }

    private func answer(_ bytes: [UInt8], _ status: HTTPResponse.Status, to request: Request) -> Response {
        var response = Response.bytes(bytes, type: "application/json", status: status)
        if request.method == .head { response.body = ResponseBody(contentLength: bytes.count) { _ in } }
        return response
    }

    // MARK: The route

    private func find(_ method: HTTPRequest.Method, _ path: String) throws -> (Operation, [String: String]) {
        guard path.hasPrefix(Self.base + "/") else { throw WebFault.notFound() }
        let parts = path.dropFirst(Self.base.count + 1).split(separator: "/", omittingEmptySubsequences: false)
        var methods: [HTTPRequest.Method] = []
        for operation in operations {
            guard let values = try Self.match(operation.segments, parts) else { continue }
            if operation.method == method { return (operation, values) }
            methods.append(operation.method)
        }
        guard methods.isEmpty else { throw Self.wrongMethod(methods) }
        throw WebFault.notFound()
    }

    /// What stands at the names of a template; nil where it does not fit.
    private static func match(_ template: [Substring], _ parts: [Substring]) throws -> [String: String]? {
        guard template.count == parts.count else { return nil }
        var values: [String: String] = [:]
        for (expected, part) in zip(template, parts) {
            if expected.hasPrefix("{") {
                guard !part.isEmpty else { return nil }
                guard let value = QueryText.decode(part, plusIsSpace: false) else {
                    throw WebFault(.badRequest, code: "invalid", "The path has an escape that is no text.")
                }
                values[String(expected.dropFirst().dropLast())] = value
            } else if expected != part {
                return nil
            }
        }
        return values
    }

    private static func wrongMethod(_ methods: [HTTPRequest.Method]) -> WebFault {
        var names = methods.map(\.rawValue)
        if names.contains("GET") { names.append("HEAD") }
        let allowed = names.joined(separator: ", ")
        return WebFault(
            .methodNotAllowed, code: "method", "Here one can \(allowed).", headers: [.allow: allowed])
    }

    // MARK: What was sent

    private func parameters(
        of operation: Operation, _ values: [String: String], _ request: Request
    ) throws -> [String: JSONValue] {
        var query: [String: String] = [:]
        for (name, value) in try QueryText.fields(request.uri.query ?? "") {
            guard operation.parameters.contains(where: { $0.place == .query && $0.name == name }) else {
                let known = operation.parameters.filter { $0.place == .query }.map(\.name)
                throw Schema.fault(
                    name,
                    "is no parameter of this query. "
                        + (known.isEmpty ? "It has none" : "There are \(known.joined(separator: ", "))"))
            }
            guard query.updateValue(value, forKey: name) == nil else { throw Schema.fault(name, "is given twice") }
        }
        var checked: [String: JSONValue] = [:]
        for parameter in operation.parameters {
            let text: String?
            switch parameter.place {
            case .path: text = values[parameter.name]
            case .query: text = query[parameter.name]
            case .header: text = HTTPField.Name(parameter.name).flatMap { request.headers[$0] }
            }
            if let text {
                checked[parameter.name] = try parameter.schema.parameter(text, parameter.name)
            } else if parameter.isRequired {
                throw Schema.fault(parameter.name, "is missing")
            }
        }
        return checked
    }

    private func body(of operation: Operation, _ request: Request) async throws -> JSONValue {
        let buffer = try await request.body.collect(upTo: Self.maximumBody)
        guard let schema = operation.body else {
            guard buffer.readableBytes == 0 else {
                throw WebFault(.badRequest, code: "invalid", "Nothing is to be sent here.")
            }
            return .object([])
        }
        let type = request.headers[.contentType]?.prefix { $0 != ";" }.trimming { $0 == " " }.lowercased()
        guard type == "application/json" else {
            throw WebFault(
                .unsupportedMediaType, code: "media_type", "Send JSON, as `Content-Type: application/json`.",
                headers: [.accept: "application/json"])
        }
        let value = try Self.json(Array(buffer.readableBytesView))
        try schema.check(value, "")
        return value
    }
}

extension API {
    private static func json(_ bytes: [UInt8]) throws(WebFault) -> JSONValue {
        do {
            return try JSONValue(bytes, rules: .init(maximumDepth: 16, takesHugeNumbers: false))
        } catch {
            throw WebFault(.badRequest, code: "invalid", "The body cannot be read: \(error.reason).")
        }
    }
}

extension StringProtocol {
    fileprivate func trimming(_ isTrimmed: (Character) -> Bool) -> String {
        String(drop(while: isTrimmed).reversed().drop(while: isTrimmed).reversed())
    }
}
