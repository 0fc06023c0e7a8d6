// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Where the project's files are.
enum Project {
    /// The folder of Package.swift.
    static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent()

    static var detectors: String { root.appending(path: "detectors").path }

    /// The executable: `GATEWATCH_BINARY`, else the one beside the test bundle, which the same build makes.
    static let binary: URL = {
        if let path = ProcessInfo.processInfo.environment["GATEWATCH_BINARY"] { return URL(fileURLWithPath: path) }
        let runner = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: runner).deletingLastPathComponent().appending(path: "gatewatch")
    }()

    /// Real logs beside the project; nil where they are absent.
    static func sharedData(_ path: String) -> String? {
        let url = root.deletingLastPathComponent().appending(path: "shared/data").appending(path: path)
        return FileManager.default.fileExists(atPath: url.path) ? url.path : nil
    }

    /// A program of `PATH`.
    static func program(_ name: String) -> URL? {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
            .map { URL(fileURLWithPath: "\($0)/\(name)") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }

    /// A file's line: 1-based.
    struct Threshold: Sendable, CustomTestStringConvertible {
        let file: String
        let line: Int
        let value: Int
        var testDescription: String { "\(file):\(line) gte \(value)" }
    }

    /// Every `gte: N` of the shipped detectors.
    static let thresholds: [Threshold] = {
        var found: [Threshold] = []
        let names = FileManager.default.enumerator(atPath: detectors)?.compactMap { $0 as? String } ?? []
        for name in names.sorted() where name.hasSuffix(".yml") {
            guard let text = try? String(contentsOfFile: "\(detectors)/\(name)", encoding: .utf8) else { continue }
            for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                guard let match = line.firstMatch(of: /gte: ([0-9]+)/), let value = Int(match.output.1) else {
                    continue
                }
                found.append(Threshold(file: name, line: index + 1, value: value))
            }
        }
        return found
    }()
}
