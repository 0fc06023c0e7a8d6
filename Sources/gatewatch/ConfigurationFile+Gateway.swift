// SPDX-License-Identifier: Apache-2.0

import Addresses
import AsyncHTTPClient
import AuditEvent
import AuditSpool
import Connections
import Foundation
import Gateway
import Kafka
import Logging
import NIOCore
import OIDC
import Orders
import Sigma
import Signing
import YAMLDocument

extension ConfigurationFile {
    static let gatewayKeys =
        [
            "listen", "certificate", "private_key", "state", "admin", "drain", "identities", "issuers", "connections",
            "trusted_keys", "key", "safety", "spool", "limits", "topic", "orders_topic", "approvals_topic",
            "partitions", "trusted_proxies",
        ] + recordingKeys

    /// What `trusted_proxies` beside a `listen` gives: networks in CIDR form and addresses.
    static func trustedProxies(of node: YAMLNode) throws(DocumentError) -> TrustedProxies {
        TrustedProxies(try node["trusted_proxies"]?.networks() ?? [])
    }

    /// What `certificate` and `private_key` beside a `listen` give, two PEM files; nil without them.
    static func certificate<TLS>(
        of node: YAMLNode, _ make: (_ certificateChainFile: String, _ privateKeyFile: String) throws -> TLS
    ) throws -> TLS? {
        switch (try node["certificate"]?.text(), try node["private_key"]?.text()) {
        case (let certificate?, let key?):
            do {
                return try make(certificate, key)
            } catch {
                throw (node["certificate"] ?? node).error(
                    "the certificate chain in \(certificate) or its key in \(key) cannot be used (PEM is expected): "
                        + "\(error)"
                )
            }
        case (nil, nil): return nil
        default: throw node.error("certificate and private_key belong together.")
        }
    }

    /// The section `gateway` without its connections.
    func gatewaySettings(kafka: KafkaProperties) throws -> GatewaySettings {
        guard let node = gateway else {
            throw DocumentError(
                file: path,
                message: "has no section gateway. See deploy/gatewatch.yml for one, and name the file with --config.")
        }
        let address = try node.address("listen") ?? ("127.0.0.1", 8080)
        var listen = ListenSettings(host: address.host, port: address.port)
        listen.tls = try Self.certificate(of: node, ListenSettings.tls)
        if let drain = node["drain"] { listen.drain = .milliseconds(try Timespan(drain).milliseconds) }
        let key = try Self.key(node.required("key"))
        var settings = GatewaySettings(
            listen: listen, kafka: kafka, stateFolder: try node["state"]?.text() ?? "state/gateway",
            issuers: try Self.issuers(node.required("issuers")),
            trustedKeys: try trustedKeys(for: key), key: key)
        if let safety = node["safety"] { settings.safety = try Self.safety(safety, settings.safety) }
        if let topic = try node["topic"]?.text() { settings.auditTopic = topic }
        if let topic = try node["orders_topic"]?.text() { settings.ordersTopic = topic }
        if let topic = try node["approvals_topic"]?.text() { settings.approvalsTopic = topic }
        if let spool = node["spool"] { settings.spool = try Self.spool(spool, settings.spool) }
        settings.recordings = try Self.recordings(node)
        if let limits = node["limits"] { settings.limits = try Self.limits(limits) }
        settings.trustedProxies = try Self.trustedProxies(of: node)
        return settings
    }

    /// `{ total_bytes: …, every_event: … }`.
    static func spool(_ node: YAMLNode, _ defaults: SpoolLimits) throws(DocumentError) -> SpoolLimits {
        try node.refuseKeys(except: ["total_bytes", "every_event"])
        var limits = defaults
        if let bytes = node["total_bytes"] {
            limits.totalBytes = try bytes.integer()
            let least = 2 * limits.segmentBytes
            guard limits.totalBytes >= least else {
                throw bytes.error("the spool needs room for two segments: \(least) bytes or more.")
            }
        }
        if try node["every_event"]?.boolean() == true { limits.synchronisation = .everyEvent }
        return limits
    }

    /// Of the topics of events and recordings, when they do not exist yet.
    func gatewayPartitions() throws(DocumentError) -> Int32 {
        guard let node = gateway?["partitions"] else { return 12 }
        let partitions = try node.integer()
        guard (1...10_000).contains(partitions) else { throw node.error("a topic has 1 to 10000 partitions.") }
        return Int32(partitions)
    }

    /// The keys whose records count; the gateway's own is among them.
    func trustedKeys(for key: SigningKey) throws -> TrustedKeys {
        guard let node = gateway else { return try TrustedKeys() }
        let trustedPath = try node.required("trusted_keys").text()
        let keys = try TrustedKeys(path: trustedPath)
        guard let trusted = keys[key.name], trusted.role == .gateway else {
            throw try node.required("key").error(
                "the key '\(key.name)' is not in \(trustedPath) with the role gateway, so nobody would "
                    + "believe this gateway."
            )
        }
        guard trusted.publicText == key.publicText else {
            throw try node.required("key").error(
                "the key '\(key.name)' is another one than \(trustedPath) has under this name; the public "
                    + "half of this one is \(key.publicText)."
            )
        }
        return keys
    }

    /// Connections, policies and identities, which SIGHUP reads anew.
    func gatewayConfiguration() throws -> GatewayConfiguration {
        let node = gateway
        let paths = try node?.required("connections").texts() ?? []
        return try GatewayConfiguration(
            connections: ConnectionSet(paths: paths),
            directory: try node?["identities"].map { try IdentityDirectory(path: $0.text()) })
    }

    /// `{ name: …, secret: env:… or file:… }`, an Ed25519 key.
    static func key(_ node: YAMLNode) throws -> SigningKey {
        try node.refuseKeys(except: ["name", "secret"])
        let secret = try node.required("secret")
        do {
            return try SigningKey(name: node.required("name").text(), reference: secret.text())
        } catch let error as KeyError {
            throw secret.error("\(error)")
        }
    }

    /// What automation may do: `mode`, `protected`, `orders_per_hour`, `share_per_hour`, `share_floor`, `maximum_ttl`.
    static func safety(_ node: YAMLNode, _ defaults: OrderSafety.Settings) throws -> OrderSafety.Settings {
        try node.refuseKeys(
            except: ["mode", "protected", "orders_per_hour", "share_per_hour", "share_floor", "maximum_ttl"])
        var safety = defaults
        if let mode = node["mode"] {
            guard let value = OrderSafety.Mode(rawValue: try mode.text()) else {
                throw mode.error("'\(try mode.text())' is no mode. Write observe or enforce.")
            }
            safety.mode = value
        }
        if let names = node["protected"] { safety.protected = try names.texts() }
        if let count = node["orders_per_hour"] { safety.ordersPerHour = try count.integer() }
        if let share = node["share_per_hour"] {
            guard let value = Double(try share.text()), (0...1).contains(value) else {
                throw share.error("a share is 0 to 1: 0.02 is one in fifty.")
            }
            safety.sharePerHour = value
        }
        if let floor = node["share_floor"] { safety.shareFloor = try floor.integer() }
        if let longest = node["maximum_ttl"] { safety.maximumTTL = try Timespan(longest).milliseconds }
        return safety
    }

    /// The issuers, checked as the gateway checks them when it starts.
    private static func issuers(_ node: YAMLNode) throws -> [IssuerSettings] {
        func check(_ issuers: [IssuerSettings], _ node: YAMLNode) throws {
            do {
                _ = try TokenGuard(issuers: issuers, httpClient: .shared, logger: Logger(label: "gatewatch.gateway"))
            } catch {
                throw node.error("\(error)")
            }
        }
        var issuers: [IssuerSettings] = []
        for item in node.items() {
            let issuer = try issuer(item)
            try check([issuer], item)
            issuers.append(issuer)
        }
        try check(issuers, node)
        return issuers
    }

    private static func issuer(_ node: YAMLNode) throws -> IssuerSettings {
        try node.refuseKeys(
            except: [
                "issuer", "audiences", "algorithms", "identity_claim", "groups_claim", "service_accounts",
                "require_verified_email", "clock_skew", "maximum_lifetime", "jwks_uri", "certificate_authority",
                "required_type", "allow_plain_http",
            ])
        var issuer = IssuerSettings(
            issuer: try node.required("issuer").text(), audiences: try node.required("audiences").texts())
        if let value = node["algorithms"] { issuer.algorithms = try value.texts() }
        if let value = node["identity_claim"] { issuer.identityClaim = try value.text() }
        if let value = node["groups_claim"] { issuer.groupsClaim = try value.text() }
        if let value = node["service_accounts"] {
            try value.refuseKeys(except: ["claim", "values"])
            issuer.serviceAccounts = .claim(
                try value.required("claim").text(), values: try value.required("values").texts())
        }
        if let value = node["require_verified_email"] { issuer.requiresVerifiedEmail = try value.boolean() }
        if let value = node["clock_skew"] { issuer.clockSkew = try Timespan(value).milliseconds }
        if let value = node["maximum_lifetime"] { issuer.maximumLifetime = try Timespan(value).milliseconds }
        if let value = node["jwks_uri"] { issuer.jwksURI = try value.text() }
        if let value = node["certificate_authority"] { issuer.caCertificateFile = try value.text() }
        if let value = node["required_type"] { issuer.requiredType = try value.text() }
        if let value = node["allow_plain_http"] { issuer.allowPlainHTTP = try value.boolean() }
        return issuer
    }

    private static func limits(_ node: YAMLNode) throws -> GatewayLimits {
        try node.refuseKeys(
            except: [
                "connections", "headers", "header_field", "header_fields", "target", "streams", "head_timeout",
                "body_timeout", "body_rate", "answer_timeout", "inspected_bodies", "approval_wait",
            ])
        var limits = GatewayLimits()
        func integer(_ key: String, _ into: inout Int) throws {
            guard let value = node[key] else { return }
            let number = try value.integer()
            guard number > 0 else { throw value.error("is 1 or more.") }
            into = number
        }
        func time(_ key: String, _ into: inout TimeAmount) throws {
            if let value = node[key] { into = .milliseconds(try Timespan(value).milliseconds) }
        }
        try integer("connections", &limits.connections)
        try integer("headers", &limits.headers)
        try integer("header_field", &limits.headerField)
        try integer("header_fields", &limits.headerFields)
        try integer("target", &limits.target)
        try integer("streams", &limits.streams)
        try integer("body_rate", &limits.bodyRate)
        try integer("inspected_bodies", &limits.inspectedBodies)
        try integer("approval_wait", &limits.approvalWait)
        try time("head_timeout", &limits.headTimeout)
        try time("body_timeout", &limits.bodyTimeout)
        try time("answer_timeout", &limits.answerTimeout)
        return limits
    }
}
