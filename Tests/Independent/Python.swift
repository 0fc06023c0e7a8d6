// SPDX-License-Identifier: Apache-2.0
import Children
package import Foundation

/// Python with the packages of Tests/EndToEndTests/clients/requirements.txt (`make clients`), for tests that read with programs that
/// are not ours.
package enum Python {
    /// The folder of `check.py` and `mail_server.py`.
    package static let support = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Support")

    package static let program: URL = {
        let home = FileManager.default.homeDirectoryForCurrentUser.appending(path: ".cache/gatewatch-test-venv")
        let environment = ProcessInfo.processInfo.environment
        return (environment["GATEWATCH_TEST_VENV"].map { URL(fileURLWithPath: $0) } ?? home).appending(
            path: "bin/python")
    }()

    /// Whether packages are there: `make clients` may be older than one.
    package static func has(_ packages: String...) -> Bool {
        let lib = program.deletingLastPathComponent().deletingLastPathComponent().appending(path: "lib")
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: lib.path)) ?? []
        return packages.allSatisfy { package in
            versions.contains {
                FileManager.default.fileExists(atPath: lib.appending(path: "\($0)/site-packages/\(package)").path)
            }
        }
    }

    package static let reason = "the Python packages are not there: make clients"

    /// What check.py read of a message, or why it does not accept it.
    package struct Answer {
        package var result: [String: Any]?
        package var error: String?
    }

    struct Failure: Error { var words: String }

    /// Runs check.py on messages, any JSON.
    package static func check(_ arguments: [String], _ messages: [Any]) throws -> [Answer] {
        let process = Process()
        let (input, output, errors) = (try JSONSerialization.data(withJSONObject: messages), Pipe(), Pipe())
        let stdin = Pipe()
        process.executableURL = program
        process.arguments = [support.appending(path: "check.py").path] + arguments
        process.standardInput = stdin
        process.standardOutput = output
        process.standardError = errors
        try process.start()
        // On threads of their own: any of the pipes may be full.
        Thread {
            try? stdin.fileHandleForWriting.write(contentsOf: input)
            try? stdin.fileHandleForWriting.close()
        }.start()
        let words = errors.fileHandleForReading
        let said = DispatchQueue.global().sync { () -> Data in (try? output.fileHandleForReading.readToEnd()) ?? Data()
        }
        process.waitUntilExit()
        guard let answers = try? JSONSerialization.jsonObject(with: said) as? [[String: Any]],
            answers.count == messages.count
        else { throw Failure(words: String(decoding: try words.readToEnd() ?? Data(), as: UTF8.self)) }
        return answers.map { Answer(result: $0["result"] as? [String: Any], error: $0["error"] as? String) }
    }

    /// The same of one message.
    package static func check(_ arguments: [String], one message: Any) throws -> Answer {
        try check(arguments, [message])[0]
    }
}
