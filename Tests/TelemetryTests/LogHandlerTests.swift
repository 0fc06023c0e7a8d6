// SPDX-License-Identifier: Apache-2.0
import Foundation
import Logging
import Telemetry
import Testing

@Suite struct LogHandlerTests {
    struct Broken: Error, CustomStringConvertible {
        var description: String { "the disk is \"full\"" }
    }

    /// What a logger of this format writes while `body` runs.
    private func lines(_ format: LogFormat, level: Logger.Level = .info, _ body: (Logger) -> Void) throws -> [String] {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("log-\(UUID().uuidString)").path
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = try #require(FileHandle(forWritingAtPath: path))
        let output = LogOutput(fileDescriptor: file.fileDescriptor)
        body(Logger(label: "hub") { format.handler(label: $0, level: level, output: output) })
        try file.close()
        return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    @Test func eachEventIsOneJSONObject() throws {
        let lines = try lines(.json) { logger in
            logger.info(
                "started", metadata: ["port": "8080", "peers": ["a", "b"], "more": ["k": .stringConvertible(7)]])
            logger.error("stopped", error: Broken())
        }
        try #require(lines.count == 2)
        let first = try #require(try JSONSerialization.jsonObject(with: Data(lines[0].utf8)) as? [String: Any])
        #expect(first["level"] as? String == "info")
        #expect(first["label"] as? String == "hub")
        #expect(first["message"] as? String == "started")
        let metadata = try #require(first["metadata"] as? [String: Any])
        #expect(metadata["port"] as? String == "8080")
        #expect(metadata["peers"] as? [String] == ["a", "b"])
        #expect((metadata["more"] as? [String: String]) == ["k": "7"])
        let time = try #require(first["time"] as? String)
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
        let second = try #require(try JSONSerialization.jsonObject(with: Data(lines[1].utf8)) as? [String: Any])
        #expect(second["error"] as? String == "the disk is \"full\"")
        #expect(second["metadata"] == nil)
    }

    @Test func controlCharactersCannotReachTheTerminalOrBreakTheLine() throws {
        let nasty = "a\u{1b}[2J\nb\u{0}\u{202E}\u{9b}\"\\"
        let json = try lines(.json) { $0.warning("\(nasty)", metadata: ["k\u{7}": "\(nasty)"]) }
        try #require(json.count == 1)
        #expect(json[0].contains(#""message":"a\u001b[2J\nb\u0000\u202e\u009b\"\\""#))
        #expect(json[0].contains(#""k\u0007":"a\u001b"#))
        let text = try lines(.text) { $0.warning("\(nasty)") }
        try #require(text.count == 1)
        #expect(text[0].hasSuffix(#"warning hub: a\u{1b}[2J\nb\u{00}\u{202e}\u{9b}"\"#))
    }

    @Test func levelsBelowTheChosenOneAreNotWritten() throws {
        let lines = try lines(.text, level: .warning) { logger in
            logger.info("no")
            logger.warning("yes", metadata: ["b": "2", "a": "1"])
        }
        try #require(lines.count == 1)
        #expect(lines[0].hasSuffix(" warning hub: yes a=1 b=2"))
    }

    @Test func longMessagesAreCut() throws {
        let lines = try lines(.json) { $0.info("\(String(repeating: "x", count: 100_000))") }
        try #require(lines.count == 1)
        #expect(lines[0].utf8.count < 20_000)
        #expect(lines[0].hasSuffix("…\"}"))
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (1_614_265_330_005, "2021-02-25T15:02:10.005Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"), (Int64.max, "9999-12-31T23:59:59.999Z"),
            (Int64.min, "0000-01-01T00:00:00.000Z"),
        ] as [(Int64, String)])
    func timesAreRFC3339(milliseconds: Int64, text: String) {
        #expect(RFC3339.string(milliseconds: milliseconds) == text)
    }
}
