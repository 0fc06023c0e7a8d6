// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Foundation
import JSONText
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL

/// Why an issuer's keys could not be fetched: a sentence for the operator.
struct IssuerFetchError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Gets what one issuer serves: its discovery document and its JWKS.
struct IssuerFetcher: Sendable {
    /// Time for one exchange, its body included.
    static let timeout: TimeAmount = .seconds(10)
    /// Bytes of a document, at most.
    static let maximumBodyBytes = 1024 * 1024
    /// How long a discovered JWKS URI is used before it is looked up again, in ms.
    static let discoveryLifetime: Int64 = 24 * 3600 * 1000

    let client: HTTPClient
    let issuer: String
    /// Given by the settings.
    let jwksURI: String?
    let plain: PlainHTTP
    let tls: TLSConfiguration?
    let logger: Logger

    /// A document and how long it may be kept.
    struct Document: Sendable {
        let body: [UInt8]
        /// Seconds from now; nil if the answer says nothing.
        let maximumAge: Int64?
    }

    /// Looks up the JWKS URI.
    func discover() async throws -> String {
        if let jwksURI { return jwksURI }
        return try checkedURL("jwks_uri", in: try await metadata())
    }

    /// The discovery document (OpenID Connect Discovery 1.0 section 4).
    func metadata() async throws -> [String: JSONValue] {
        let url = IssuerURL.discovery(issuer: issuer)
        let members = try Self.object(await get(url).body, what: "the discovery document at \(url)")
        // Section 4.3: identical, or one issuer could speak for another.
        guard let named = members["issuer"]?.text, named.utf8.elementsEqual(issuer.utf8) else {
            let named = SafeText.shown(members["issuer"]?.text ?? "nobody", maximumBytes: 200)
            throw IssuerFetchError(
                "the discovery document at \(url) is of the issuer \(named): configure exactly that, if it is right"
            )
        }
        return members
    }

    /// A URL of the discovery document, where it may lead.
    func checkedURL(_ name: String, in members: [String: JSONValue]) throws -> String {
        let url = IssuerURL.discovery(issuer: issuer)
        guard let uri = members[name]?.text else {
            throw IssuerFetchError("the discovery document at \(url) has no \(name)")
        }
        if let fault = IssuerURL.fault(uri, plain: plain) {
            throw IssuerFetchError(
                "the \(name) \(SafeText.shown(uri, maximumBytes: 200)) in the discovery document at \(url) \(fault)")
        }
        return uri
    }

    /// Sends a form, as a client does to the token endpoint (RFC 6749 section 3.2).
    ///
    /// - Returns: the status and the body, whatever the status is.
    func post(_ url: String, form: String, authorization: String?) async throws -> (status: UInt, body: [UInt8]) {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
        if let authorization { request.headers.add(name: "Authorization", value: authorization) }
        request.body = .bytes(Array(form.utf8))
        let asked = request
        return try await within("POST \(url)") {
            let (response, body) = try await answer(to: asked)
            return (response.status.code, body)
        }
    }

    /// Fetches one document.
    func get(_ url: String) async throws -> Document {
        try await within("GET \(url)") {
            let (response, body) = try await answer(to: HTTPClientRequest(url: url))
            guard response.status == .ok else {
                let hint = (300..<400).contains(response.status.code) ? ": redirects are not followed" : ""
                throw IssuerFetchError("GET \(url): the answer is \(response.status.code)\(hint)")
            }
            return Document(
                body: body,
                maximumAge: CacheLifetime.seconds(
                    cacheControl: response.headers["Cache-Control"], age: response.headers.first(name: "Age")))
        }
    }

    /// An exchange within its time, with errors that say which one it was.
    private func within<Value: Sendable>(
        _ what: String, _ exchange: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        do {
            return try await withThrowingTaskGroup(of: Value.self) { group in
                group.addTask { try await exchange() }
                // The client's own deadline ends with the head; a body can drip for ever.
                group.addTask {
                    try await Task.sleep(for: .nanoseconds(Self.timeout.nanoseconds))
                    throw IssuerFetchError("\(what): no whole answer within 10 s")
                }
                defer { group.cancelAll() }
                guard let value = try await group.next() else { throw CancellationError() }
                return value
            }
        } catch let error as IssuerFetchError {
            throw error
        } catch is CancellationError {
            throw IssuerFetchError("\(what): stopped")
        } catch is NIOTooManyBytesError {
            throw IssuerFetchError("\(what): the answer is longer than \(Self.maximumBodyBytes) bytes")
        } catch {
            throw IssuerFetchError("\(what): \(SafeText.shown(String(describing: error), maximumBytes: 300))")
        }
    }

    private func answer(to request: HTTPClientRequest) async throws -> (HTTPClientResponse, [UInt8]) {
        var request = request
        request.headers.add(name: "Accept", value: "application/json")
        request.headers.add(name: "User-Agent", value: "gatewatch")
        request.tlsConfiguration = tls
        let response = try await client.execute(request, timeout: Self.timeout)
        // The client is the caller's, and may follow redirects: what they lead to has no word on keys.
        guard response.history.count <= 1 else {
            throw IssuerFetchError("\(request.method) \(request.url): redirects are not followed")
        }
        let body = try await response.body.collect(upTo: Self.maximumBodyBytes)
        try Task.checkCancellation()
        return (response, Array(buffer: body))
    }

    /// A document as a JSON object.
    static func object(_ json: [UInt8], what: String) throws -> [String: JSONValue] {
        let value: JSONValue
        do {
            value = try JSONValue(json, rules: UnverifiedToken.rules)
        } catch {
            throw IssuerFetchError("\(what) cannot be read: \(SafeText.shown(error.reason, maximumBytes: 200))")
        }
        guard let object = value.members else { throw IssuerFetchError("\(what) is not a JSON object") }
        return object
    }
}
