// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Children
import Foundation
import NIOCore
import NIOHTTP1
import TestSupport

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A real issuer in a process of its own, `Support/issuer.py`: its pages are set by the test, and its tokens are signed
/// by another library than the one under test.
final class IssuerProcess: Sendable {
    private let folder: Folder
    private let pid: Int32
    /// The child ends when this pipe closes: also when this process dies.
    private let lifeline: Pipe
    private let client: HTTPClient
    private let controlPort: Int
    let port: Int

    /// True if python3 and its package cryptography are there.
    static let isPossible: Bool = {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", "import cryptography.x509"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.start()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()

    static func start(client: HTTPClient, listening: Bool) async throws -> IssuerProcess {
        let issuer = try await IssuerProcess(client: client)
        if listening { try await issuer.listen() }
        return issuer
    }

    private init(client: HTTPClient) async throws {
        let folder = try Folder()
        let lifeline = Pipe()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Support/issuer.py").path
        process.arguments = ["python3", script, folder.path("ports")]
        process.standardInput = lifeline
        // Inherited, it would keep the test runner waiting for a child that outlives us.
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.start()
        let ports = folder.path("ports")
        guard try await eventually({ FileManager.default.fileExists(atPath: ports) }) else {
            kill(process.processIdentifier, SIGKILL)
            throw Missing("python3 did not start the issuer")
        }
        let numbers = try String(contentsOfFile: ports, encoding: .utf8).split(separator: " ").compactMap { Int($0) }
        guard numbers.count == 2 else { throw Missing("the issuer's ports") }
        (self.folder, self.lifeline, self.client) = (folder, lifeline, client)
        pid = process.processIdentifier
        (controlPort, port) = (numbers[0], numbers[1])
    }

    func stop() { kill(pid, SIGKILL) }

    func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    private func command(_ command: [String: any Sendable]) async throws -> [String: Any] {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(controlPort)/")
        request.method = .POST
        request.body = .bytes(ByteBuffer(bytes: try JSONSerialization.data(withJSONObject: command)))
        let response = try await client.execute(request, timeout: .seconds(60))
        let body = try await response.body.collect(upTo: 64 << 20)
        guard let reply = try JSONSerialization.jsonObject(with: Data(Array(buffer: body))) as? [String: Any] else {
            throw Missing("the issuer's reply")
        }
        return reply
    }

    /// Lets connections in; until then they are refused.
    func listen() async throws { _ = try await command(["do": "listen"]) }

    /// Makes a key: RSA, P-256, P-384, P-521, secp256k1 or Ed25519. Returns its public JWK without kid and alg.
    func makeKey(_ name: String, _ kind: String, bits: Int = 2048) async throws -> [String: String] {
        let reply = try await command(["do": "key", "name": name, "kind": kind, "bits": bits])
        guard let jwk = reply["jwk"] as? [String: String] else { throw Missing("a key") }
        return jwk
    }

    /// Signs headers and payloads, texts of JSON or whatever they are.
    func sign(key: String, algorithm: String, _ parts: [(header: String, payload: String)]) async throws -> [String] {
        let reply = try await command([
            "do": "sign", "key": key, "alg": algorithm, "parts": parts.map { [$0.header, $0.payload] },
        ])
        guard let tokens = reply["tokens"] as? [String], tokens.count == parts.count else { throw Missing("tokens") }
        return tokens
    }

    /// Sets what a path answers.
    func page(_ path: String, _ body: String = "", _ more: [String: any Sendable] = [:]) async throws {
        var page: [String: any Sendable] = ["do": "page", "path": path, "body": body]
        page.merge(more) { $1 }
        _ = try await command(page)
    }

    /// GETs of a path so far.
    func count(_ path: String) async throws -> Int {
        guard let count = try await command(["do": "count", "path": path])["count"] as? Int else {
            throw Missing("a count")
        }
        return count
    }

    /// Serves the same pages by TLS, too. Returns the port and the certificate's file.
    func serveTLS() async throws -> (port: Int, certificate: String) {
        let path = folder.path("tls.pem")
        guard let port = try await command(["do": "tls", "certificate": path])["port"] as? Int else {
            throw Missing("a TLS port")
        }
        return (port, path)
    }
}
