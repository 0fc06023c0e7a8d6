// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import LocalServices
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import Synchronization

/// One person or service of the demo, with a token, sending real requests through the gateway.
final class DemoPerson: Sendable {
    let uid: String
    let email: String
    let groups: [String]
    let role: String
    let gateway: String
    let issuer: LocalIssuer
    let issuerPort: Int
    private let client: HTTPClient
    private let counts = Mutex((requests: 0, refusals: 0))

    init(
        uid: String, email: String, groups: [String], role: String, gateway: String, issuer: LocalIssuer,
        issuerPort: Int,
        client: HTTPClient
    ) {
        self.uid = uid
        self.email = email
        self.groups = groups
        self.role = role
        self.gateway = gateway
        self.issuer = issuer
        self.issuerPort = issuerPort
        self.client = client
    }

    /// Requests so far, and how many were refused or cut.
    var requests: Int { counts.withLock { $0.requests } }
    var refusals: Int { counts.withLock { $0.refusals } }

    /// What came back.
    struct Answer: Sendable {
        let status: Int
        let bytes: Int
        /// `type` of the problem when it was refused, without its prefix.
        let problem: String?
        let detail: String
        let approval: String?
        /// True if the body broke off before its announced end.
        let wasCut: Bool
    }

    /// A token of now, or of `secondsAgo`.
    func token(session: String, secondsAgo: Int64 = 0, audience: String = LocalIssuer.audience) throws -> String {
        try issuer.token(
            port: issuerPort, subject: uid, email: email, groups: groups, session: session,
            issuedAt: Int64(Date().timeIntervalSince1970) - secondsAgo, audience: audience)
    }

    /// Sends a request and reads its answer, with a pause after each 64 KiB when `slowly`.
    func send(
        _ method: HTTPMethod, _ path: String, _ token: String, body: String? = nil, headers: [(String, String)] = [],
        slowly: Bool = false
    ) async throws -> Answer {
        let answer = try await exchange(method, path, token, body: body, headers: headers, slowly: slowly)
        counts.withLock { counts in
            counts.requests += 1
            if answer.status >= 400 || answer.wasCut { counts.refusals += 1 }
        }
        return answer
    }

    private func exchange(
        _ method: HTTPMethod, _ path: String, _ token: String, body: String?, headers: [(String, String)], slowly: Bool
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: gateway + path)
        request.method = method
        request.headers.add(name: "authorization", value: "Bearer \(token)")
        request.headers.add(name: "user-agent", value: "demo/1.0")
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        let response = try await client.execute(request, timeout: .seconds(120))
        let isProblem = response.headers.first(name: "content-type") == "application/problem+json"
        var bytes = 0
        var text = ByteBuffer()
        do {
            for try await part in response.body {
                bytes += part.readableBytes
                if isProblem { text.writeImmutableBuffer(part) }
                if slowly { try await Task.sleep(for: .milliseconds(2)) }
            }
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            return Answer(
                status: Int(response.status.code), bytes: bytes, problem: nil, detail: "\(error)", approval: nil,
                wasCut: true)
        }
        struct Body: Decodable {
            var type: String
            var detail: String
            var approval_id: String?
        }
        let problem = isProblem ? try? JSONDecoder().decode(Body.self, from: Data(buffer: text)) : nil
        return Answer(
            status: Int(response.status.code), bytes: bytes,
            problem: problem.map { String($0.type.dropFirst("urn:gatewatch:problem:".count)) },
            detail: problem?.detail ?? "", approval: problem?.approval_id, wasCut: false)
    }

    func embed(_ inputs: Int, _ token: String) async throws -> Answer {
        let texts = (0..<inputs).map { "\"text \($0)\"" }.joined(separator: ",")
        return try await send(.POST, "/embeddings/v1/embeddings", token, body: #"{"model":"demo","input":[\#(texts)]}"#)
    }

    func query(_ collection: String, limit: Int, _ token: String, headers: [(String, String)] = []) async throws
        -> Answer
    {
        try await send(
            .POST, "/vectors/collections/\(collection)/points/query", token,
            body: #"{"query":[0.1,0.2],"limit":\#(limit)}"#,
            headers: headers)
    }

    func checkpoint(_ name: String, _ token: String, slowly: Bool = false) async throws -> Answer {
        try await send(
            .GET, "/registry/api/2.0/mlflow-artifacts/artifacts/1/\(name)/artifacts/model.safetensors", token,
            slowly: slowly)
    }

    func corpus(_ object: String, _ token: String) async throws -> Answer {
        try await send(.GET, "/corpus/dialogs-curated/\(object)", token)
    }

    func configure(_ name: String, _ token: String) async throws -> Answer {
        try await send(.PATCH, "/pipeline/config/\(name)", token, body: #"{"masking":false}"#)
    }
}
