// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Where plain HTTP may be used for what an issuer serves.
enum PlainHTTP: Sendable {
    case never
    case onLoopback
    case anywhere
}

/// The rules for URLs from which keys come: whoever can answer there can make tokens.
enum IssuerURL {
    /// Why a URL cannot be used, as the end of a sentence; nil if it can.
    static func fault(_ text: String, plain: PlainHTTP, isIssuer: Bool = false) -> String? {
        guard text.utf8.count <= 2048, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            let host = parts.host, !host.isEmpty
        else { return "is not an absolute URL" }
        guard parts.user == nil, parts.password == nil else { return "must have no user name or password" }
        guard parts.fragment == nil else { return "must have no fragment" }
        if isIssuer, parts.query != nil { return "must have no query (OpenID Connect Discovery 1.0 section 3)" }
        switch (scheme, plain) {
        case ("https", _), ("http", .anywhere): return nil
        case ("http", .onLoopback) where isLoopback(host: host): return nil
        case ("http", _): return "must be https: over plain HTTP anyone between can replace the keys"
        default: return "must be https"
        }
    }

    /// True if the URL's host is this machine.
    static func isLoopback(_ text: String) -> Bool {
        URLComponents(string: text)?.host.map(isLoopback(host:)) ?? false
    }

    private static func isLoopback(host: String) -> Bool {
        let name = host.lowercased()
        if name == "localhost" || name == "::1" || name == "[::1]" { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.first == "127"
            && parts.allSatisfy { (1...3).contains($0.utf8.count) && UInt8($0) != nil }
    }

    /// Where the discovery document of an issuer is (OpenID Connect Discovery 1.0 section 4).
    static func discovery(issuer: String) -> String {
        (issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer) + "/.well-known/openid-configuration"
    }
}
