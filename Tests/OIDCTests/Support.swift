// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Foundation
import OIDC
import Synchronization
import TestSupport
import Testing

/// Something was not there.
struct Missing: Error, CustomStringConvertible {
    let description: String
    init(_ what: String) { description = "missing: \(what)" }
}

/// A folder that is removed at the end.
final class Folder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("gatewatch-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appendingPathComponent(name).path }
}

/// A clock that the test moves, in ms since the epoch.
final class ManualClock: Sendable {
    private let time = Mutex<Int64>(1_800_000_000_000)
    var now: Int64 { time.withLock { $0 } }
    var seconds: Int64 { now / 1000 }
    func advance(seconds: Int64) { time.withLock { $0 += seconds * 1000 } }
}

/// SplitMix64: the same seed, the same numbers.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

func base64URL(_ text: String) -> String {
    Data(text.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
}

func json(_ value: Any) throws -> String {
    String(decoding: try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys]), as: UTF8.self)
}

extension Result where Success == Principal, Failure == TokenRefusal {
    var principal: Principal? { try? get() }
    var refusal: TokenRefusal? { if case .failure(let refusal) = self { refusal } else { nil } }
    var reason: TokenRefusal.Reason? { refusal?.reason }
}

/// One issuer process with the issuer `/a`, which has an RSA key `r1` for RS256 unless the test changes that; and a
/// clock.
final class Stage: Sendable {
    let client: HTTPClient
    let issuer: IssuerProcess
    let clock = ManualClock()
    private let jwks = Mutex<[String: [[String: String]]]>([:])

    /// Runs a test with a stage and takes it down after it.
    static func with(listening: Bool = true, _ body: (Stage) async throws -> Void) async throws {
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: .init(redirectConfiguration: .disallow))
        do {
            let issuer = try await IssuerProcess.start(client: client, listening: listening)
            do {
                let stage = Stage(client: client, issuer: issuer)
                try await stage.addKey("r1", "RSA", ["alg": "RS256"])
                try await stage.publish()
                try await body(stage)
            } catch {
                issuer.stop()
                throw error
            }
            issuer.stop()
        } catch {
            try await client.shutdown()
            throw error
        }
        try await client.shutdown()
    }

    private init(client: HTTPClient, issuer: IssuerProcess) {
        (self.client, self.issuer) = (client, issuer)
    }

    func name(_ path: String = "/a") -> String { issuer.url(path) }

    /// Makes a key whose `kid` is its name, for the next `publish`.
    @discardableResult
    func addKey(
        _ name: String, _ kind: String, _ more: [String: String] = [:], bits: Int = 2048, path: String = "/a"
    ) async throws -> [String: String] {
        var jwk = try await issuer.makeKey(name, kind, bits: bits)
        jwk["kid"] = name
        jwk.merge(more) { $1 }
        jwks.withLock { $0[path, default: []].append(jwk) }
        return jwk
    }

    func dropKey(_ name: String, path: String = "/a") {
        jwks.withLock { $0[path]?.removeAll { $0["kid"] == name } }
    }

    /// Sets the discovery document and the JWKS of an issuer. `before` and `after` are more keys, as JSON.
    func publish(
        path: String = "/a", before: [String] = [], after: [String] = [], cacheControl: String = "max-age=600"
    ) async throws {
        let keys = try before + jwks.withLock { $0[path] ?? [] }.map { try json($0) } + after
        try await issuer.page(
            "\(path)/.well-known/openid-configuration",
            json(["issuer": name(path), "jwks_uri": issuer.url("\(path)/jwks")]))
        try await issuer.page(
            "\(path)/jwks", "{\"keys\":[\(keys.joined(separator: ","))]}",
            ["headers": ["Cache-Control": cacheControl]])
    }

    func fetches(_ path: String = "/a") async throws -> Int { try await issuer.count("\(path)/jwks") }

    func settings(_ path: String = "/a", algorithms: [String] = ["RS256", "ES256"]) -> IssuerSettings {
        IssuerSettings(issuer: name(path), audiences: ["gatewatch"], algorithms: algorithms)
    }

    func tokenGuard(_ settings: IssuerSettings...) throws -> TokenGuard {
        try TokenGuard(
            issuers: settings.isEmpty ? [self.settings()] : settings, httpClient: client, logger: quiet,
            now: { [clock] in clock.now })
    }

    /// The claims of an ordinary token, some replaced or left out.
    func claims(
        _ path: String = "/a", _ more: [String: any Sendable] = [:], without: Set<String> = []
    ) throws -> String {
        var claims: [String: any Sendable] = [
            "iss": name(path), "sub": "u-1", "aud": "gatewatch", "email": "alice@example.com",
            "groups": ["ml", "staff"], "iat": clock.seconds - 10, "exp": clock.seconds + 600, "sid": "s-1",
        ]
        claims = claims.filter { !without.contains($0.key) }
        claims.merge(more) { $1 }
        return try json(claims)
    }

    /// A token signed by a key. The header names the key's name and the algorithm unless it is given whole.
    func token(
        _ key: String = "r1", _ algorithm: String = "RS256", header: String? = nil, payload: String? = nil,
        path: String = "/a", _ more: [String: any Sendable] = [:], without: Set<String> = []
    ) async throws -> String {
        let header = header ?? "{\"alg\":\"\(algorithm)\",\"kid\":\"\(key)\",\"typ\":\"JWT\"}"
        let payload = try payload ?? claims(path, more, without: without)
        return try await issuer.sign(key: key, algorithm: algorithm, [(header, payload)])[0]
    }

    /// An ordinary token, some of its claims replaced.
    func token(_ more: [String: any Sendable], without: Set<String> = []) async throws -> String {
        try await token("r1", "RS256", more, without: without)
    }
}
