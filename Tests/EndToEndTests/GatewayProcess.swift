// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1

/// A running `gatewatch gateway` and requests to it.
struct GatewayProcess: Sendable {
    let child: Child
    let port: Int
    let client: HTTPClient

    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let body: String

        /// The audit event's uid.
        var id: String { headers.first(name: "gatewatch-request-id") ?? "" }
        /// The last part of a problem's type.
        var problem: String? {
            struct Body: Decodable { let type: String }
            return (try? JSONDecoder().decode(Body.self, from: Data(body.utf8)))?.type.split(separator: ":").last.map(
                String.init)
        }
    }

    func request(
        _ method: HTTPMethod, _ path: String, token: String?, body: String? = nil, headers: [(String, String)] = []
    ) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = method
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        return request
    }

    func send(
        _ method: HTTPMethod, _ path: String, token: String?, body: String? = nil, headers: [(String, String)] = []
    ) async throws -> Answer {
        let response = try await client.execute(
            request(method, path, token: token, body: body, headers: headers), timeout: .seconds(60))
        let bytes = try await response.body.collect(upTo: 64 << 20)
        return Answer(status: Int(response.status.code), headers: response.headers, body: String(buffer: bytes))
    }

    func embed(_ token: String?, inputs: Int = 1) async throws -> Answer {
        let list = [String](repeating: "\"text\"", count: inputs).joined(separator: ",")
        return try await send(
            .POST, "/embeddings/v1/embeddings", token: token, body: #"{"model":"small","input":[\#(list)]}"#)
    }

    func query(_ token: String?, limit: Int = 10) async throws -> Answer {
        try await send(
            .POST, "/vectors/collections/docs/points/query", token: token, body: #"{"query":[0.1],"limit":\#(limit)}"#)
    }

    /// Kills it, as a machine that runs out of memory does.
    func kill() async throws {
        child.signal(SIGKILL)
        guard try await child.waitForExit() == .signal(SIGKILL) else {
            throw Missing("\(child.name) ended by itself: \(child.tail)")
        }
    }

    // MARK: Memory

    /// A line of `/proc/PID/status`, in bytes: `VmRSS` is what is resident, `VmHWM` the most that ever was.
    func memory(_ name: String) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(try processIdentifier())/status", encoding: .utf8)
        for line in text.split(separator: "\n") where line.hasPrefix("\(name):") {
            if let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) }) {
                return kilobytes << 10
            }
        }
        throw Missing("\(child.name) has no \(name)")
    }

    /// Lets `VmHWM` begin anew.
    func forgetPeak() throws {
        try Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/\(try processIdentifier())/clear_refs"))
    }

    /// Found by the process's own files: its output is open in no other.
    private func processIdentifier() throws -> Int {
        let output = child.errorFile.resolvingSymlinksInPath().path
        for entry in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let id = Int(entry), id != ProcessInfo.processInfo.processIdentifier,
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(id)/fd/2"),
                target == output
            else { continue }
            return id
        }
        throw Missing("\(child.name) is not among the processes")
    }
}
