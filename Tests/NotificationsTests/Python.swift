// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// Python with the packages of Tests/EndToEndTests/clients/requirements.txt (`make clients`).
enum Python {
    static let environment = ProcessInfo.processInfo.environment
    static let support = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Support")

    static let program: URL = {
        let home = FileManager.default.homeDirectoryForCurrentUser.appending(path: ".cache/gatewatch-test-venv")
        return (environment["GATEWATCH_TEST_VENV"].map { URL(fileURLWithPath: $0) } ?? home).appending(
            path: "bin/python")
    }()

    /// Whether a package is there: `make clients` may be older than it.
    static func has(_ package: String) -> Bool {
        let lib = program.deletingLastPathComponent().deletingLastPathComponent().appending(path: "lib")
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: lib.path)) ?? []
        return versions.contains {
            FileManager.default.fileExists(atPath: lib.appending(path: "\($0)/site-packages/\(package)").path)
        }
    }

    static let reason: Comment = "the Python packages are not there: make clients"

    /// Runs check.py on an object; nil and the reason if it does not accept it.
    static func check(_ arguments: [String], _ input: Any) throws -> (result: [String: Any]?, error: String) {
        let process = Process()
        let (input, output, errors) = (try JSONSerialization.data(withJSONObject: input), Pipe(), Pipe())
        let stdin = Pipe()
        process.executableURL = program
        process.arguments = [support.appending(path: "check.py").path] + arguments
        process.standardInput = stdin
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        // On a thread of its own: the input may be larger than the pipe.
        Thread {
            try? stdin.fileHandleForWriting.write(contentsOf: input)
            try? stdin.fileHandleForWriting.close()
        }.start()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        let words = try errors.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        let result = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
        return (process.terminationStatus == 0 ? result : nil, String(decoding: words, as: UTF8.self))
    }
}
