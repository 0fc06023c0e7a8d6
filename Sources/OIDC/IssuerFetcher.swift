// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Foundation
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

    /// Looks up the JWKS URI (OpenID Connect Discovery 1.0 section 4).
    func discover() async throws -> String {
        if let jwksURI { return jwksURI }
        let url = IssuerURL.discovery(issuer: issuer)
        let members = try Self.object(await get(url).body, what: "the discovery document at \(url)")
        // Section 4.3: identical, or one issuer could speak for another.
        guard let named = members["issuer"]?.string, named.utf8.elementsEqual(issuer.utf8) else {
            let named = SafeText.shown(members["issuer"]?.string ?? "nobody", maximumBytes: 200)
            throw IssuerFetchError(
                "the discovery document at \(url) is of the issuer \(named): configure exactly that, if it is right"
            )
        }
        guard let uri = members["jwks_uri"]?.string else {
            throw IssuerFetchError("the discovery document at \(url) has no jwks_uri")
        }
        if let fault = IssuerURL.fault(uri, plain: plain) {
            throw IssuerFetchError(
                "the jwks_uri \(SafeText.shown(uri, maximumBytes: 200)) in the discovery document at \(url) \(fault)")
        }
        return uri
    }

    /// Fetches one document.
    func get(_ url: String) async throws -> Document {
        do {
            return try await withThrowingTaskGroup(of: Document.self) { group in
                group.addTask { try await exchange(url) }
                // The client's own deadline ends with the head; a body can drip for ever.
                group.addTask {
                    try await Task.sleep(for: .nanoseconds(Self.timeout.nanoseconds))
                    throw IssuerFetchError("GET \(url): no whole answer within 10 s")
                }
                defer { group.cancelAll() }
                guard let document = try await group.next() else { throw CancellationError() }
                return document
            }
        } catch let error as IssuerFetchError {
            throw error
        } catch is CancellationError {
            throw IssuerFetchError("GET \(url): stopped")
        } catch is NIOTooManyBytesError {
            throw IssuerFetchError("GET \(url): the answer is longer than \(Self.maximumBodyBytes) bytes")
        } catch {
            throw IssuerFetchError("GET \(url): \(SafeText.shown(String(describing: error), maximumBytes: 300))")
        }
    }

    private func exchange(_ url: String) async throws -> Document {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "Accept", value: "application/json")
        request.headers.add(name: "User-Agent", value: "gatewatch")
        request.tlsConfiguration = tls
        let response = try await client.execute(request, timeout: Self.timeout)
        // The client is the caller's, and may follow redirects: what they lead to has no word on keys.
        guard response.history.count <= 1 else { throw IssuerFetchError("GET \(url): redirects are not followed") }
        guard response.status == .ok else {
            let hint = (300..<400).contains(response.status.code) ? ": redirects are not followed" : ""
            throw IssuerFetchError("GET \(url): the answer is \(response.status.code)\(hint)")
        }
        let body = try await response.body.collect(upTo: Self.maximumBodyBytes)
        try Task.checkCancellation()
        return Document(
            body: Array(buffer: body),
            maximumAge: CacheLifetime.seconds(
                cacheControl: response.headers["Cache-Control"], age: response.headers.first(name: "Age")))
    }

    /// A document as a JSON object.
    static func object(_ json: [UInt8], what: String) throws -> [String: JSONValue] {
        let value: JSONValue
        do {
            value = try JSONReader.value(json)
        } catch {
            throw IssuerFetchError("\(what) is not acceptable JSON: \(error.reason) at byte \(error.offset)")
        }
        guard let object = value.object else { throw IssuerFetchError("\(what) is not a JSON object") }
        return object
    }
}
