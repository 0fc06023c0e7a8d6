// SPDX-License-Identifier: Apache-2.0

package import Desk
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Turns what was thrown into an answer: a page with a sentence, or a problem.
struct FaultPages: RouterMiddleware {
    typealias Context = WebContext
    let looks: any WebLooks
    let logger: Logger

    func handle(
        _ request: Request, context: WebContext, next: (Request, WebContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            return Self.answer(error, request, context, looks, logger)
        }
    }

    /// The answer to an error. The gate uses it too, because only behind it is it known who asks.
    static func answer(
        _ error: any Error, _ request: Request, _ context: WebContext, _ looks: any WebLooks, _ logger: Logger
    ) -> Response {
        var fault = fault(error)
        if fault.status.kind == .serverError, fault.code == "internal" {
            logger.error(
                "a request failed",
                metadata: [
                    "path": "\(request.uri.path.prefix(300))", "error": "\(error)", "request": "\(context.request)",
                ])
            fault.detail = "The hub could not answer. Its log says why, under request \(context.request)."
        }
        var response =
            request.wantsPage
            ? Response.page(looks.page(fault: fault, context: context), status: fault.status)
            : Response.problem(fault, instance: "urn:gatewatch:request:\(context.request)")
        response.headers.append(contentsOf: fault.headers)
        return response
    }

    static func fault(_ error: any Error) -> WebFault {
        switch error {
        case let fault as WebFault: fault
        case let error as DeskError: WebFault(error)
        case is NIOTooManyBytesError:
            WebFault(.contentTooLarge, code: "too_large", "What was sent is longer than the hub reads.")
        case let error as any HTTPResponseError where error.status == .notFound: WebFault.notFound()
        case let error as any HTTPResponseError where error.status == .contentTooLarge:
            WebFault(.contentTooLarge, code: "too_large", "What was sent is longer than the hub reads.")
        case let error as any HTTPResponseError where error.status.kind == .clientError:
            WebFault(error.status, code: "invalid", "The request cannot be read.")
        default: WebFault(.internalServerError, code: "internal", "")
        }
    }
}

extension WebFault {
    /// What the desk refuses.
    package init(_ error: DeskError) {
        let status: HTTPResponse.Status
        var field: String?
        switch error {
        case .forbidden: status = .forbidden
        case .unknown: status = .notFound
        case .conflict, .refused: status = .conflict
        case .invalid(let name, _): (status, field) = (.unprocessableContent, name)
        case .unavailable: status = .serviceUnavailable
        }
        let sentence = error.description
        // Sentences of the rooms begin small, because commands put something before them.
        let detail = sentence.prefix(1).uppercased() + sentence.dropFirst()
        self.init(status, code: error.code, detail.hasSuffix(".") ? detail : detail + ".", field: field)
    }
}
