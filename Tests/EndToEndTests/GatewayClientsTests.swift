// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// Python with the clients and servers of `clients/requirements.txt`.
enum Clients {
    static let environment = ProcessInfo.processInfo.environment
    static let folder = Project.root.appending(path: "Tests/EndToEndTests/clients")

    static let venv: URL = {
        if let path = environment["GATEWATCH_TEST_VENV"] { return URL(fileURLWithPath: path) }
        return FileManager.default.homeDirectoryForCurrentUser.appending(path: ".cache/gatewatch-test-venv")
    }()

    static func program(_ name: String) -> URL { venv.appending(path: "bin/\(name)") }

    static var areThere: Bool {
        ["python", "chroma", "mlflow"].allSatisfy { FileManager.default.isExecutableFile(atPath: program($0).path) }
    }

    static let isWanted = areThere || environment["GATEWATCH_TEST_CLIENTS"] == "1"

    static let reason: Comment =
        """
        the Python clients are not installed: GATEWATCH_TEST_CLIENTS=1 installs them, once, into \
        ~/.cache/gatewatch-test-venv (or GATEWATCH_TEST_VENV)
        """

    /// Installs them where they are missing, once. Why it is not possible here, nil when they are there.
    static let problem = Task { () -> String? in
        if areThere { return nil }
        do {
            var problem: String?
            try await Stage.with { problem = try await install($0) }
            return problem
        } catch {
            return "\(error)"
        }
    }

    private static func install(_ stage: Stage) async throws -> String? {
        guard let python = Project.program("python3") else { return "python3 is not on PATH" }
        let steps = [
            (python, ["-m", "venv", venv.path]),
            (program("pip"), ["install", "--quiet", "-r", folder.appending(path: "requirements.txt").path]),
        ]
        for (program, arguments) in steps {
            let child = try stage.start("install", arguments, program: program)
            guard try await child.waitForExit(seconds: 1200) == .status(0) else {
                return "\(program.lastPathComponent) could not install them: \(child.tail)"
            }
        }
        return nil
    }
}

extension GatewayEndToEnd {
    /// The real Python clients and their real servers, with the gateway between them.
    @Suite(.enabled(if: Clients.isWanted, Clients.reason)) struct GatewayClients {
        /// Neither telemetry nor proxies nor other people's settings.
        private static let quietly = [
            "ANONYMIZED_TELEMETRY": "False", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1",
            "GIT_PYTHON_REFRESH": "quiet", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "PYTHONDONTWRITEBYTECODE": "1",
        ]

        @Test func openAI() async throws {
            try await withClients { stage in
                try stage.stage.write(
                    "connections.yml", stage.localConnections(policies: ["embeddings": "{ limits: { items: 10 } }"]))
                let gateway = try await stage.startGateway()
                let events = stage.readEvents()
                try await run(stage, "openai_client.py", ["http://127.0.0.1:\(gateway.port)", stage.token("ana")])
                let all = try await events.settled(gateway)
                let requests = all.filter(\.isRequest)
                #expect(
                    requests.map { $0.api?.operation } == [
                        "embeddings.create", "embeddings.create", "embeddings.create",
                    ])
                #expect(requests.map(\.items) == [1, 3, 11])
                #expect(requests.map(\.status_id) == [1, 1, 2])
                #expect(requests.allSatisfy { $0.names == ["model:small"] && $0.who == "ana@example.com" })
                // One login, and the token that is none.
                let logins = all.filter { $0.class_uid == 3002 }
                #expect(logins.map(\.status_id).sorted() == [1, 2])
                try await end(gateway, events)
            }
        }

        @Test func chroma() async throws {
            try await withClients { stage in
                let port = try freePort()
                let server = try stage.stage.start(
                    "chroma",
                    ["run", "--path", stage.stage.path("chroma"), "--port", "\(port)", "--host", "127.0.0.1"],
                    program: Clients.program("chroma"), environment: Self.quietly)
                try stage.stage.write(
                    "connections.yml",
                    """
                    connections:
                      - name: chroma
                        preset: chroma
                        path: /
                        upstream: http://127.0.0.1:\(port)
                        policy: { limits: { items: 100 } }
                        timeouts: { connect: 5s }

                    """)
                try await waitUntilItAnswers(stage, server, "http://127.0.0.1:\(port)/api/v2/heartbeat")
                let gateway = try await stage.startGateway()
                let events = stage.readEvents()
                let result = try await run(stage, "chroma_client.py", ["\(gateway.port)", stage.token("ana")])
                let collection = result.output.trimmingCharacters(in: .whitespacesAndNewlines)
                let all = try await events.settled(gateway)
                let requests = all.filter(\.isRequest)
                func found(_ operation: String, _ method: String, ending: String) -> [GatewayEvents.Event] {
                    requests.filter {
                        $0.api?.operation == operation && $0.http_request?.http_method == method
                            && $0.http_request?.url.path.hasSuffix(ending) == true
                    }
                }
                #expect(
                    found("collection.change", "POST", ending: "/collections").map(\.names) == [["collection:papers"]])
                #expect(found("vectors.upsert", "POST", ending: "/add").map(\.items) == [3])
                #expect(found("vectors.upsert", "POST", ending: "/upsert").map(\.items) == [1])
                // Two embeddings with two results each; then one with more than may be.
                let queries = found("vectors.query", "POST", ending: "/query")
                #expect(queries.map(\.items) == [4, 500] && queries.map(\.status_id) == [1, 2])
                // What came back is counted: up to 50 were asked for, and there were four.
                let gets = found("vectors.query", "POST", ending: "/get")
                #expect(gets.map(\.items) == [4, 2, nil] && gets.map(\.status_id) == [1, 1, 2])
                #expect(found("vectors.query", "GET", ending: "/count").map(\.items) == [0, 0])
                #expect(found("vectors.delete", "POST", ending: "/delete").map(\.items) == [1])
                #expect(found("collection.change", "DELETE", ending: "/papers").map(\.names) == [["collection:papers"]])
                let named = requests.filter {
                    $0.http_request?.url.path.contains("/collections/\(collection)/") == true
                }
                #expect(named.count == 10 && named.allSatisfy { $0.names == ["collection:\(collection)"] })
                #expect(requests.allSatisfy { $0.who == "ana@example.com" && $0.api?.service?.name == "chroma" })
                #expect(requests.count { $0.status_id != 1 } == 2)
                try await end(gateway, events)
            }
        }

        @Test func mlflow() async throws {
            try await withClients { stage in
                let port = try freePort()
                let folder = stage.stage.path("mlflow")
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                let path =
                    "\(Clients.venv.appending(path: "bin").path):\(Clients.environment["PATH"] ?? "")"
                let server = try stage.stage.start(
                    "mlflow",
                    [
                        "server", "--host", "127.0.0.1", "--port", "\(port)", "--workers", "1", "--backend-store-uri",
                        "sqlite:///\(folder)/mlflow.db", "--artifacts-destination", "\(folder)/artifacts",
                    ], program: Clients.program("mlflow"), environment: Self.quietly.merging(["PATH": path]) { $1 })
                try stage.stage.write(
                    "connections.yml",
                    """
                    connections:
                      - name: registry
                        preset: mlflow
                        path: /mlflow
                        upstream: http://127.0.0.1:\(port)

                    """)
                try await waitUntilItAnswers(stage, server, "http://127.0.0.1:\(port)/health")
                let gateway = try await stage.startGateway()
                let events = stage.readEvents()
                let result = try await run(
                    stage, "mlflow_client.py", ["http://127.0.0.1:\(gateway.port)/mlflow", "\(folder)/client"],
                    ["MLFLOW_TRACKING_TOKEN": stage.token("ana")])
                let words = result.output.split(whereSeparator: \.isWhitespace).map(String.init)
                try #require(words.count >= 2, "\(result)")
                let (experiment, runID) = (words[words.count - 2], words[words.count - 1])
                let all = try await events.settled(gateway)
                let requests = all.filter(\.isRequest)
                func found(_ operation: String, _ method: String, containing part: String) -> [GatewayEvents.Event] {
                    requests.filter {
                        $0.api?.operation == operation && $0.http_request?.http_method == method
                            && $0.http_request?.url.path.contains(part) == true
                    }
                }
                let checkpoint = "checkpoint:\(experiment)/\(runID)/artifacts/model/weights 1.bin"
                let uploads = found("checkpoint.upload", "PUT", containing: "/mlflow-artifacts/artifacts/")
                #expect(uploads.map(\.names) == [[checkpoint]] && uploads.map(\.items) == [1])
                #expect(uploads.first?.http_request?.length == 8 << 20)
                let downloads = found("checkpoint.download", "GET", containing: "/mlflow-artifacts/artifacts/")
                #expect(downloads.map(\.names) == [[checkpoint]] && downloads.map(\.items) == [1])
                #expect(downloads.first?.http_response.length == 8 << 20)
                #expect(
                    found("config.change", "POST", containing: "registered-models/create").map(\.names) == [
                        ["model:churn"]
                    ])
                #expect(
                    found("checkpoint.upload", "POST", containing: "model-versions/create").map(\.names) == [
                        ["model:churn"]
                    ])
                #expect(
                    found("config.change", "POST", containing: "registered-models/alias").map(\.names) == [
                        ["model:churn"]
                    ])
                #expect(
                    found("checkpoint.list", "GET", containing: "registered-models/alias").map(\.names) == [
                        ["model:churn"]
                    ])
                #expect(found("checkpoint.list", "GET", containing: "registered-models/search").map(\.items) == [1])
                #expect(requests.allSatisfy { $0.who == "ana@example.com" && $0.api?.service?.name == "registry" })
                let refused = requests.filter { $0.status_id != 1 }
                #expect(
                    refused.isEmpty,
                    "\(refused.map { ($0.http_request?.url.path ?? "-", $0.http_response.code, $0.status_code) })")
                #expect(all.contains { $0.class_uid == 3002 && $0.status_id == 2 })
                try await end(gateway, events)
            }
        }

        private func withClients(_ body: (GatewayStage) async throws -> Void) async throws {
            if let problem = await Clients.problem.value { try Test.cancel("\(problem)") }
            try await GatewayStage.with { stage in
                let result: Result<Void, any Error>
                do {
                    try await body(stage)
                    result = .success(())
                } catch {
                    result = .failure(error)
                }
                // MLflow's server leaves its workers behind when it is killed, so all of them are ended here.
                try await endAll(in: stage.stage.folder, butNot: "gatewatch")
                try result.get()
            }
        }

        /// Kills every process that works in this test's own folder, and waits until all are gone.
        private func endAll(in folder: URL, butNot name: String) async throws {
            let folder = folder.resolvingSymlinksInPath().path
            try await eventually("the processes in \(folder) are gone") {
                var found = 0
                for entry in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
                    func link(_ name: String) -> String {
                        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(entry)/\(name)")) ?? ""
                    }
                    let place = link("cwd")
                    guard let id = pid_t(entry), id != getpid(), place == folder || place.hasPrefix("\(folder)/"),
                        !link("exe").hasSuffix("/\(name)")
                    else { continue }
                    kill(id, SIGKILL)
                    found += 1
                }
                return found == 0
            }
        }

        /// A port that nobody has. Servers of others take no port 0.
        private func freePort() throws -> Int {
            let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(listener) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isBound = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listener, $0, size) == 0 && getsockname(listener, $0, &size) == 0
                }
            }
            guard isBound else { throw Missing("no port is free") }
            return Int(UInt16(bigEndian: address.sin_port))
        }

        @discardableResult
        private func run(
            _ stage: GatewayStage, _ script: String, _ arguments: [String], _ environment: [String: String] = [:]
        ) async throws -> CommandResult {
            let child = try stage.stage.start(
                "client", [Clients.folder.appending(path: script).path] + arguments, program: Clients.program("python"),
                environment: Self.quietly.merging(environment) { $1 })
            guard try await child.waitForExit(seconds: 180) == .status(0) else {
                throw Missing("\(script) did not get through: \(child.tail)")
            }
            return CommandResult(status: 0, output: child.output, errors: child.errors)
        }

        private func waitUntilItAnswers(_ stage: GatewayStage, _ server: Child, _ url: String) async throws {
            try await eventually("\(server.name) answers: \(server.tail)", seconds: 120) {
                if let exit = server.exit { throw Missing("\(server.name) ended: \(exit): \(server.tail)") }
                let response = try? await stage.client.execute(.init(url: url), timeout: .seconds(5))
                return response?.status == .ok
            }
        }

        private func end(_ gateway: GatewayProcess, _ events: GatewayEvents) async throws {
            try await gateway.child.terminate()
            await events.stop()
        }
    }
}
