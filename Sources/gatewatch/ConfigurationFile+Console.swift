// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Delivery
import Desk
import Detectors
import Logging
import OIDC
import Sigma
import Web
import YAMLDocument

extension ConfigurationFile {
    static let consoleKeys = ["console", "detectors"]

    /// `hub.console`; nil without the section: then there is no console.
    func console() throws -> WebSettings? {
        guard let node = hub?["console"] else { return nil }
        try node.refuseKeys(except: [
            "listen", "certificate", "private_key", "url", "oidc", "roles", "session", "trusted_proxies",
        ])
        let address = try node.address("listen") ?? ("127.0.0.1", 8470)
        let oidc = try node.required("oidc")
        var settings = WebSettings(
            host: address.host, port: address.port, login: try Self.login(oidc), roles: try Self.roles(node))
        settings.tls = try Self.certificate(of: node, WebSettings.tls)
        settings.trustedProxies = try Self.trustedProxies(of: node)
        settings.clientSecret = try oidc["client_secret"].map(Self.secret)
        if let url = node["url"] {
            do {
                settings.url = try WebOrigin(url.text()).text
            } catch let error as WebSettingsError {
                throw url.error(error.description)
            }
        }
        if let session = node["session"] {
            try session.refuseKeys(except: ["idle", "absolute"])
            if let idle = session["idle"] { settings.idle = try Timespan(idle).milliseconds }
            if let absolute = session["absolute"] { settings.absolute = try Timespan(absolute).milliseconds }
            guard settings.idle >= 60_000, settings.absolute >= settings.idle else {
                throw session.error("idle is at least 1m, and absolute at least as long as idle.")
            }
        }
        return settings
    }

    /// The rules that the console shows: `hub.detectors`, else `detect.detectors`.
    ///
    /// - Parameter logger: told of rules that cannot be read; they are not shown.
    func catalogue(logger: Logger) throws -> [DetectorEntry] {
        let paths = try detectorPaths()
        guard !paths.isEmpty else { return [] }
        let files = try DetectorFiles(paths: paths)
        for error in files.errors {
            logger.warning("a rule is not shown in the console", metadata: ["error": "\(error)"])
        }
        return DetectorCatalogue.entries(files)
    }

    private static func login(_ node: YAMLNode) throws -> RelyingPartySettings {
        try node.refuseKeys(except: [
            "issuer", "client_id", "client_secret", "scopes", "algorithms", "identity_claim", "groups_claim",
            "require_verified_email", "clock_skew", "certificate_authority", "allow_plain_http",
        ])
        let client = try node.required("client_id").text()
        var issuer = IssuerSettings(issuer: try node.required("issuer").text(), audiences: [client])
        if let value = node["algorithms"] { issuer.algorithms = try value.texts() }
        if let value = node["identity_claim"] { issuer.identityClaim = try value.text() }
        if let value = node["groups_claim"] { issuer.groupsClaim = try value.text() }
        if let value = node["require_verified_email"] { issuer.requiresVerifiedEmail = try value.boolean() }
        if let value = node["clock_skew"] { issuer.clockSkew = try Timespan(value).milliseconds }
        if let value = node["certificate_authority"] { issuer.caCertificateFile = try value.text() }
        if let value = node["allow_plain_http"] { issuer.allowPlainHTTP = try value.boolean() }
        var login = RelyingPartySettings(issuer: issuer, clientID: client)
        if let scopes = node["scopes"] {
            login.scopes = try scopes.texts()
            guard login.scopes.contains("openid") else { throw scopes.error("the scope openid is missing.") }
        }
        do {
            // Checked as the console checks it when it starts.
            _ = try RelyingParty(
                settings: login, secret: nil, httpClient: .shared, logger: Logger(label: "gatewatch.hub"))
        } catch let error as IssuerSettingsError {
            throw node.error("\(error)")
        }
        return login
    }

    private static func roles(_ node: YAMLNode) throws -> [Role: Set<String>] {
        let section = try node.required("roles")
        try section.refuseKeys(except: Role.allCases.map(\.rawValue))
        var roles: [Role: Set<String>] = [:]
        for role in Role.allCases {
            guard let groups = section[role.rawValue] else { continue }
            roles[role] = Set(try groups.texts())
        }
        guard !roles.isEmpty else { throw section.error("gives no group a role, so nobody could see the console.") }
        return roles
    }

    private static func secret(_ node: YAMLNode) throws(DocumentError) -> String {
        let text = try node.text()
        do {
            return try Secret(reference: text).revealed
        } catch {
            throw node.error("\(error)")
        }
    }
}
