// SPDX-License-Identifier: Apache-2.0

import Children
import Foundation
import Synchronization

/// A process of the real binary (or another program), with its output in files.
final class Child: Sendable {
    /// How it ended.
    enum Exit: Equatable, Sendable {
        case status(Int32)
        case signal(Int32)
    }

    let name: String
    let outputFile: URL
    let errorFile: URL
    private let process: Process
    private let ended: Mutex<Exit?>
    private let port = Mutex<Int?>(nil)

    /// Starts it. Files are named after `name` in `folder`.
    init(
        _ name: String, _ arguments: [String], in folder: URL, program: URL = Project.binary,
        environment: [String: String] = [:], input: URL? = nil
    ) throws {
        self.name = name
        outputFile = folder.appending(path: "\(name).out")
        errorFile = folder.appending(path: "\(name).err")
        for file in [outputFile, errorFile] { try Data().write(to: file) }
        process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = try FileHandle(forWritingTo: outputFile)
        process.standardError = try FileHandle(forWritingTo: errorFile)
        process.standardInput = try input.map { try FileHandle(forReadingFrom: $0) } ?? FileHandle.nullDevice
        ended = Mutex(nil)
        process.terminationHandler = { [weak self] process in
            self?.ended.withLock {
                $0 =
                    process.terminationReason == .exit
                    ? .status(process.terminationStatus) : .signal(process.terminationStatus)
            }
        }
        try process.start()
    }

    /// Nil while it runs.
    var exit: Exit? { ended.withLock { $0 } }
    var output: String { Self.text(outputFile) }
    var errors: String { Self.text(errorFile) }

    /// Does nothing once it has ended.
    func signal(_ number: Int32) {
        ended.withLock { exit in
            // Until the handler has run, the process is at worst a zombie, so the id is still its own.
            if exit == nil, process.isRunning { kill(process.processIdentifier, number) }
        }
    }

    @discardableResult
    func waitForExit(seconds: Double = 90) async throws -> Exit {
        try await eventually("\(name) ends; it said: \(tail)", seconds: seconds) { exit != nil }
        guard let exit else { throw Missing("\(name) has not ended") }
        return exit
    }

    /// Asks it to end and waits until it has, as a supervisor does.
    /// - Throws: `Missing` when it does not end with status 0 within 30 s.
    func terminate() async throws {
        signal(SIGTERM)
        let exit = try await waitForExit(seconds: 30)
        guard exit == .status(0) else { throw Missing("\(name) ended with \(exit): \(tail)") }
    }

    /// Waits until its log has `text` so many times. Throws at once when it ends without.
    func waitForLog(_ text: String, times: Int = 1, seconds: Double = 90) async throws {
        try await eventually("\(name) logs '\(text)'; it said: \(tail)", seconds: seconds) {
            let isOver = exit != nil
            if errors.ranges(of: text).count >= times { return true }
            if isOver { throw Missing("\(name) ended (\(exit.map { "\($0)" } ?? "")) without '\(text)': \(tail)") }
            return false
        }
    }

    /// The last of what it said.
    var tail: String { String((output.suffix(1500) + "\n" + errors.suffix(3000))) }

    private static func text(_ file: URL) -> String {
        (try? Data(contentsOf: file)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
