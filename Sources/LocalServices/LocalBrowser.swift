// SPDX-License-Identifier: Apache-2.0

package import AsyncHTTPClient
import Foundation
import NIOCore
package import NIOHTTP1

/// What a browser does, for tests and benchmarks of the console: keeps cookies, follows the login, finds the form's token in a page
/// and sends forms with `Origin`. It runs no script and follows no redirect by itself.
package actor LocalBrowser {
    /// What came back.
    package struct Page: Sendable {
        package let status: Int
        /// Names in lower case, values joined by commas.
        package let headers: [String: String]
        package let body: String
        package var location: String? { headers["location"] }

        /// The session's token in the page's forms.
        package var csrf: String? {
            guard let field = body.range(of: #"name="csrf" value=""#) else { return nil }
            return String(body[field.upperBound...].prefix { $0 != "\"" })
        }
    }

    /// `http://127.0.0.1:8470`.
    package nonisolated let base: String
    private let client: HTTPClient
    private var cookies: [String: String] = [:]
    private var csrf: String?

    /// - Parameter client: must not follow redirects.
    package init(base: String, client: HTTPClient) {
        self.base = base
        self.client = client
    }

    /// The session cookie's value, and those of others.
    package func cookie(_ name: String) -> String? { cookies[name] }
    package func set(cookie name: String, _ value: String?) { cookies[name] = value }

    package func get(_ path: String, headers: [(String, String)] = []) async throws -> Page {
        try await send(.GET, path, headers: [("accept", "text/html")] + headers)
    }

    /// Sends a form with the token of the page last seen, as a form of that page would.
    package func post(
        _ path: String, _ form: [(String, String)], headers: [(String, String)]? = nil, withToken: Bool = true
    ) async throws -> Page {
        let fields = form + (withToken ? [("csrf", csrf ?? "")] : [])
        let body = fields.map { "\(Self.escaped($0.0))=\(Self.escaped($0.1))" }.joined(separator: "&")
        return try await send(
            .POST, path,
            headers: [("accept", "text/html"), ("content-type", "application/x-www-form-urlencoded")]
                + (headers ?? [("origin", base), ("sec-fetch-site", "same-origin")]), body: body)
    }

    /// Logs in as one of ``LocalIssuer``'s people.
    ///
    /// - Returns: the answer to the callback.
    package func login(as subject: String, returningTo path: String? = nil) async throws -> Page {
        let begun = try await get("/login" + (path.map { "?return=\(Self.escaped($0))" } ?? ""))
        guard let url = begun.location else { return begun }
        let chosen = try await send(.GET, url + "&subject=\(Self.escaped(subject))")
        guard let callback = chosen.location, callback.hasPrefix(base) else { return chosen }
        return try await get(String(callback.dropFirst(base.count)))
    }

    package func send(
        _ method: HTTPMethod, _ path: String, headers: [(String, String)] = [], body: String? = nil
    ) async throws -> Page {
        let isOurs = path.hasPrefix("/")
        var request = HTTPClientRequest(url: isOurs ? base + path : path)
        request.method = method
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if isOurs, !cookies.isEmpty {
            request.headers.add(name: "cookie", value: cookies.map { "\($0)=\($1)" }.joined(separator: "; "))
        }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await client.execute(request, timeout: .seconds(60))
        let text = String(buffer: try await response.body.collect(upTo: 16 << 20))
        var fields: [String: String] = [:]
        for (name, value) in response.headers {
            fields[name.lowercased(), default: ""] += (fields[name.lowercased()] == nil ? "" : ", ") + value
        }
        if isOurs {
            for cookie in response.headers["set-cookie"] {
                let pair = cookie.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1)
                let isOver = cookie.contains("Max-Age=0") || pair.count < 2
                cookies[String(pair.first ?? "")] = isOver ? nil : String(pair[1])
            }
        }
        let page = Page(status: Int(response.status.code), headers: fields, body: text)
        if let found = page.csrf { csrf = found }
        return page
    }

    private static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }
}
