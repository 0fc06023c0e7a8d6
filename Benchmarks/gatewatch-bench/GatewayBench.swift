// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kafka
import LocalServices
import Logging
import Signing

/// The gateway against nginx's `proxy_pass`, on the same upstream (another nginx), under the same load; and its memory while
/// 5 GB pass. Needs nginx, wrk, h2load and curl; `make bench` installs them.
enum GatewayBench {
    private static let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }

    static func run() async throws {
        for tool in ["/usr/sbin/nginx", "/usr/bin/wrk", "/usr/bin/h2load", "/usr/bin/curl"]
        where !FileManager.default.isExecutableFile(atPath: tool) {
            return say("\(tool) is not installed; no figures of the gateway")
        }
        let stage = try await Stage()
        defer { stage.stop() }
        try await stage.warmUp()

        say(
            "The gateway against nginx proxy_pass: 1 kB answers, 32 connections, token check, audit and recording on, all on this machine's cores"
        )
        var rounds: [(nginx: Double, gateway: Double)] = []
        for _ in 0..<3 {
            rounds.append((try stage.throughput(stage.proxyPort), try stage.throughput(stage.gatewayPort)))
        }
        let nginx = rounds.map(\.nginx).median
        let gateway = rounds.map(\.gateway).median
        row("  nginx", "\(format(nginx, 0)) requests/s")
        row("  gateway", "\(format(gateway, 0)) requests/s")
        row("  ratio", "\(format(rounds.map { $0.gateway / $0.nginx }.median * 100, 0)) %  (budget 25 %, aim 50 %)")

        try stage.recording()

        let half = Int(gateway / 2)
        let direct = try stage.latency(stage.proxyPort, rate: half)
        let through = try stage.latency(stage.gatewayPort, rate: half)
        say("At half the gateway's load, \(half) requests/s")
        row("  nginx p50, p99", "\(format(direct.p50, 2)) ms, \(format(direct.p99, 2)) ms")
        row("  gateway p50, p99", "\(format(through.p50, 2)) ms, \(format(through.p99, 2)) ms")
        row("  added p99", "\(format(through.p99 - direct.p99, 2)) ms  (budget 1 ms)")

        let grown = try stage.memory(bytes: 5 << 30)
        row("Resident memory grown while 5 GB pass", "\(format(Double(grown) / 1024, 1)) MiB  (budget 64 MiB)")
    }

    /// The servers, each a process of its own.
    private final class Stage {
        private let folder: String
        private let broker: BrokerProcess
        private var processes: [Process] = []
        private let gateway = Process()
        private let issuing: Task<Void, any Error>
        private let token: String
        let upstreamPort = 18_081
        let proxyPort = 18_082
        let gatewayPort = 18_083

        init() async throws {
            folder = FileManager.default.temporaryDirectory.appendingPathComponent("gatewatch-bench-\(getpid())").path
            try FileManager.default.createDirectory(atPath: "\(folder)/html", withIntermediateDirectories: true)
            broker = try BrokerProcess(topics: [
                "gatewatch.audit", "gatewatch.orders", "gatewatch.approvals", "gatewatch.recordings",
            ])
            let (ports, found) = AsyncStream<Int>.makeStream()
            let issuer = LocalIssuer(logger: GatewayBench.logger) { found.yield($0) }
            issuing = Task { try await issuer.run() }
            guard let issuerPort = await ports.first(where: { _ in true }) else {
                throw BenchError(description: "no issuer")
            }
            token = try issuer.token(
                port: issuerPort, subject: "ana", email: "ana@example.com", groups: ["analyst"], session: "bench",
                issuedAt: Int64(Date().timeIntervalSince1970))

            let body =
                #"{"result":{"points":["# + (0..<30).map { #"{"id":\#($0),"score":0.51234567}"# }.joined(separator: ",")
                + "]}}"
            try body.write(toFile: "\(folder)/html/answer", atomically: true, encoding: .utf8)
            try Data().write(to: URL(fileURLWithPath: "\(folder)/html/large"))
            guard truncate("\(folder)/html/large", 5 << 30) == 0 else {
                throw BenchError(description: "no room for a sparse file")
            }
            try nginx(
                "upstream",
                """
                server { listen 127.0.0.1:\(upstreamPort); root \(folder)/html;
                  location /collections { default_type application/json; try_files /answer =404; }
                  location /api { default_type application/octet-stream; try_files /large =404; } }
                """)
            try nginx(
                "proxy",
                """
                upstream one { server 127.0.0.1:\(upstreamPort); keepalive 64; }
                server { listen 127.0.0.1:\(proxyPort);
                  location / { proxy_pass http://one/; proxy_http_version 1.1; proxy_set_header Connection ""; } }
                """)

            let key = try SigningKey.generate(name: "gateway-1")
            try key.save(to: "\(folder)/gateway.key")
            try "keys:\n  - { name: gateway-1, role: gateway, key: \"\(key.publicText)\" }\n".write(
                toFile: "\(folder)/trusted.yml", atomically: true, encoding: .utf8)
            try """
            connections:
              - { name: vectors, preset: qdrant, path: /vectors, upstream: "http://127.0.0.1:\(upstreamPort)" }
              - { name: head, preset: qdrant, path: /head, record: metadata, upstream: "http://127.0.0.1:\(upstreamPort)" }
              - { name: plain, preset: qdrant, path: /plain, record: "off", upstream: "http://127.0.0.1:\(upstreamPort)" }
              - { name: registry, preset: mlflow, path: /registry, upstream: "http://127.0.0.1:\(upstreamPort)" }
            """.write(toFile: "\(folder)/connections.yml", atomically: true, encoding: .utf8)
            try """
            kafka:
              bootstrap.servers: \(broker.properties["bootstrap.servers"] ?? "")
              fetch.wait.max.ms: "50"
            gateway:
              listen: 127.0.0.1:\(gatewayPort)
              admin: 127.0.0.1:0
              state: \(folder)/gateway
              issuers:
                - { issuer: "\(LocalIssuer.url(port: issuerPort))", audiences: [\(LocalIssuer.audience)], algorithms: [ES256] }
              connections: [\(folder)/connections.yml]
              trusted_keys: \(folder)/trusted.yml
              key: { name: gateway-1, secret: "file:\(folder)/gateway.key" }
            """.write(toFile: "\(folder)/gatewatch.yml", atomically: true, encoding: .utf8)
            gateway.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
                .appendingPathComponent("gatewatch")
            gateway.arguments = ["gateway", "--config", "\(folder)/gatewatch.yml", "--log-level", "error"]
            try gateway.run()
            processes.append(gateway)
        }

        func stop() {
            for process in processes { process.terminate() }
            for process in processes { process.waitUntilExit() }
            broker.stop()
            issuing.cancel()
            try? FileManager.default.removeItem(atPath: folder)
        }

        private func nginx(_ name: String, _ server: String) throws {
            let text = """
                worker_processes 2; daemon off; pid \(folder)/\(name).pid; error_log \(folder)/\(name).log;
                events { worker_connections 1024; }
                http { access_log off; keepalive_requests 1000000; sendfile on;
                  client_body_temp_path \(folder)/\(name)-b; proxy_temp_path \(folder)/\(name)-p; fastcgi_temp_path \(folder)/\(name)-f;
                  uwsgi_temp_path \(folder)/\(name)-u; scgi_temp_path \(folder)/\(name)-s;
                  \(server) }
                """
            try text.write(toFile: "\(folder)/\(name).conf", atomically: true, encoding: .utf8)
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/sbin/nginx")
            process.arguments = ["-c", "\(folder)/\(name).conf"]
            process.standardError = FileHandle.nullDevice
            try process.run()
            processes.append(process)
        }

        private func output(_ path: String, _ arguments: [String]) throws -> String {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: path)
            process.arguments = arguments
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = FileHandle.nullDevice
            try process.run()
            let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            return String(decoding: data, as: UTF8.self)
        }

        /// The same path at each: the gateway takes `/vectors` off, nginx has no prefix.
        private func url(_ port: Int, prefix: String = "/vectors") -> String {
            "http://127.0.0.1:\(port)\(port == gatewayPort ? prefix : "")/collections/docs/points/1"
        }

        /// What recording costs: the gateway's CPU per request, with bodies, without, and not at all, one after the other in rounds.
        func recording() throws {
            let ways = [("bodies", "/vectors"), ("metadata", "/head"), ("off", "/plain")]
            var costs = [[Double]](repeating: [], count: ways.count)
            for _ in 0..<3 {
                for (index, way) in ways.enumerated() {
                    let before = try cpu()
                    let rate = try throughput(gatewayPort, prefix: way.1)
                    costs[index].append((try cpu() - before) / (rate * 5) * 1e6)
                }
            }
            let off = costs[2].median
            say("The gateway's CPU per request, by what is recorded")
            for (index, way) in ways.enumerated() {
                let cost = costs[index].median
                row("  \(way.0)", "\(format(cost)) µs, \(format(cost / off, 2)) of off")
            }
        }

        /// Seconds that the gateway has computed.
        private func cpu() throws -> Double {
            let text = try String(contentsOfFile: "/proc/\(gateway.processIdentifier)/stat", encoding: .utf8)
            // proc(5): behind the name, which may hold anything; utime and stime are the 14th and 15th field of the line.
            let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
            guard fields.count > 14, let user = Double(fields[12]), let system = Double(fields[13]) else {
                throw BenchError(description: "/proc says: \(text)")
            }
            return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
        }

        func warmUp() async throws {
            for _ in 0..<200 {
                let status = try output(
                    "/usr/bin/curl",
                    [
                        "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Authorization: Bearer \(token)",
                        url(gatewayPort),
                    ])
                if status == "200" { return }
                try await Task.sleep(for: .milliseconds(100))
            }
            throw BenchError(description: "the gateway does not answer 200")
        }

        /// Requests per second.
        func throughput(_ port: Int, prefix: String = "/vectors") throws -> Double {
            let text = try output(
                "/usr/bin/wrk",
                ["-t1", "-c32", "-d5s", "-H", "Authorization: Bearer \(token)", url(port, prefix: prefix)])
            guard !text.contains("Non-2xx"),
                let line = text.split(separator: "\n").first(where: { $0.contains("Requests/sec") }),
                let rate = line.split(separator: " ").last.flatMap({ Double($0) })
            else { throw BenchError(description: "wrk says:\n\(text)") }
            return rate
        }

        /// At a fixed rate over 16 connections, ms.
        func latency(_ port: Int, rate: Int) throws -> (p50: Double, p99: Double) {
            let log = "\(folder)/h2load.log"
            try? FileManager.default.removeItem(atPath: log)
            let text = try output(
                "/usr/bin/h2load",
                [
                    "--h1", "-c16", "-t1", "--rps=\(max(1, rate / 16))", "-n\(rate * 5)", "--log-file=\(log)", "-H",
                    "Authorization: Bearer \(token)", url(port),
                ])
            // One line per request: start in µs, status, duration in µs.
            var durations: [Double] = []
            for line in try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n") {
                let fields = line.split(separator: "\t")
                guard fields.count == 3, fields[1] == "200", let duration = Double(fields[2]) else {
                    throw BenchError(description: "h2load says:\n\(text)\n\(line)")
                }
                durations.append(duration / 1000)
            }
            guard durations.count > 1000 else { throw BenchError(description: "h2load says:\n\(text)") }
            durations.sort()
            return (durations[durations.count / 2], durations[durations.count * 99 / 100])
        }

        /// How much the gateway's peak of resident memory grows while so many bytes pass, KiB.
        func memory(bytes: Int) throws -> Int {
            let before = try peak()
            let size = try output(
                "/usr/bin/curl",
                [
                    "-s", "-o", "/dev/null", "-w", "%{size_download}", "-H", "Authorization: Bearer \(token)",
                    "http://127.0.0.1:\(gatewayPort)/registry/api/2.0/mlflow-artifacts/artifacts/1/abc/artifacts/model.bin",
                ])
            guard size == "\(bytes)" else { throw BenchError(description: "\(size) of \(bytes) bytes came through") }
            return try peak() - before
        }

        private func peak() throws -> Int {
            let status = try String(contentsOfFile: "/proc/\(gateway.processIdentifier)/status", encoding: .utf8)
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM") }
            return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0
        }
    }
}
