// SPDX-License-Identifier: Apache-2.0

import Children
import Foundation
import NIOHTTP1
import Testing

/// Programs that are not ours read the document and try what it allows and what it does not.
@Suite struct SchemathesisTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let programs: URL = {
        let home = FileManager.default.homeDirectoryForCurrentUser.appending(path: ".cache/gatewatch-test-venv")
        return (environment["GATEWATCH_TEST_VENV"].map { URL(fileURLWithPath: $0) } ?? home).appending(path: "bin")
    }()
    private static func isThere(_ program: String) -> Bool {
        FileManager.default.isExecutableFile(atPath: programs.appending(path: program).path)
    }
    private static let reason: Comment = "the Python packages are not there: make clients"

    /// Runs a program of the environment and gives what it printed; not on the pool's threads.
    private func run(_ program: String, _ arguments: [String], in folder: URL) async throws -> (
        status: Int32, text: String
    ) {
        let process = Process()
        let output = Pipe()
        process.executableURL = Self.programs.appending(path: program)
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.standardOutput = output
        process.standardError = output
        process.environment = Self.environment.merging(["NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"]) { $1 }
        try process.start()
        return await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                let data = (try? output.fileHandleForReading.readToEnd()) ?? Data()
                process.waitUntilExit()
                continuation.resume(
                    returning: (process.terminationStatus, String(decoding: data, as: UTF8.self)))
            }
        }
    }

    @Test(.enabled(if: isThere("openapi-spec-validator"), reason))
    func theDocumentIsOpenAPI() async throws {
        try await Stage.with { stage in
            let document = try await stage.ask(.GET, "/api/v1/openapi.json", token: stage.boss)
            let path = stage.folder.appending(path: "openapi.json")
            try Data(document.text.utf8).write(to: path)
            let (status, text) = try await run("openapi-spec-validator", [path.path], in: stage.folder)
            #expect(status == 0, "\(text)")
        }
    }

    /// Which answers are right, and what there is: nobody guesses an id, and a run that ends its own token sees nothing more.
    private func config(_ stage: Stage) async throws -> String {
        func first(_ list: String) async throws -> String {
            try await stage.ask(.GET, "/api/v1/\(list)", token: stage.boss).items.first?["id"] as? String ?? ""
        }
        for (list, body) in [
            (
                "orders",
                #"{"subject":{"type":"identity","value":"x"},"actions":["block"],"reason":"x","lifetime_seconds":3600}"#
            ), ("silences", #"{"matchers":"identity=\"x\"","ends_at":\#(Stage.now + hour),"comment":"x"}"#),
        ] {
            _ = try await stage.ask(.POST, "/api/v1/\(list)", token: stage.boss, body: body)
        }
        let tokens = try await stage.ask(.GET, "/api/v1/tokens", token: stage.boss).items
        let viewers = tokens.first { $0["owner"] as? String == "viewer@example.com" }?["id"] as? String ?? ""
        let known = [
            "approval": try await stage.request(), "order": try await first("orders"),
            "silence": try await first("silences"), "token": viewers, "receiver": "soc", "target": "soc",
            "rule": "gw_bulk", "incident": "incident-0", "alert": "alert-0", "identity": "ana@example.com",
            "recording": "event-0",
        ]
        return """
            # What fits the document and makes no sense is answered with 422, what cannot be done as things are with 409: no schema
            # says which.
            [checks]
            negative_data_rejection.expected-statuses = ["400", "401", "403", "404", "405", "409", "412", "413", "414", "415"]
            positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "412", "422"]

            [parameters]
            \(known.map { "\"path.\($0)\" = \"\($1)\"" }.sorted().joined(separator: "\n"))
            """
    }

    @Test(.enabled(if: isThere("schemathesis"), reason))
    func whatSchemathesisTriesFindsNothing() async throws {
        try await Stage.with { stage in
            let config = stage.folder.appending(path: "schemathesis.toml")
            try Data(try await self.config(stage).utf8).write(to: config)
            let examples = Self.environment["GATEWATCH_SCHEMATHESIS_EXAMPLES"] ?? "5"
            let (status, text) = try await run(
                "schemathesis",
                [
                    "--config-file", config.path, "run",
                    stage.base + "/api/v1/openapi.json", "--header", "Authorization: Bearer \(stage.boss)",
                    "--max-examples", examples, "--seed", "1", "--request-timeout", "120", "--no-color",
                ], in: stage.folder)
            #expect(status == 0, "\(text.suffix(30_000))")
        }
    }
}
