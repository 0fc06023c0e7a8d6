// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import YAMLDocument

@Suite struct YAMLReaderTests {
    private func fails(
        _ text: String, line: Int? = nil, _ part: String = "", sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(sourceLocation: sourceLocation) {
            try YAMLReader.documents(text: text, file: "f.yml")
        } throws: { error in
            guard let error = error as? DocumentError else { return false }
            return error.file == "f.yml" && (line == nil || error.line == line)
                && (part.isEmpty || error.description.contains(part))
        }
    }

    @Test func documentsKnowTheirLinesAndPaths() throws {
        let text = "# comment\na: 1\nb:\n  - x\n  - c: y\n---\n---\nd: >\n  folded\ne: {f: [g]}\n"
        let documents = try YAMLReader.documents(text: text, file: "f.yml")
        #expect(documents.count == 2, "an empty document is left out")
        let first = try #require(documents.first)
        #expect(first["a"]?.line == 2)
        let items = try #require(first["b"]?.items())
        #expect(items.map(\.line) == [4, 5])
        #expect(items[1]["c"]?.path == "b[1].c")
        #expect(items[1]["c"]?.column == 8)
        let second = documents[1]
        #expect(second["d"]?.line == 8)
        #expect(try second["d"]?.text() == "folded\n")
        #expect(second["e"]?["f"]?.items().first?.line == 10)
        #expect(second["e"]?["f"]?.items().first?.path == "e.f[0]")
    }

    @Test func scalarsFollowTheCoreSchema() throws {
        let text =
            "[1, -2, 0x1F, 0o17, 1.5, 1e3, true, False, yes, on, null, ~, '1', 2026-11-18, .5, 99999999999999999999, 1_000]"
        let values = try #require(try YAMLReader.documents(text: text, file: "f").first).items().map {
            try $0.scalar().resolved
        }
        #expect(
            values == [
                .int(1), .int(-2), .int(31), .int(15), .double(1.5), .double(1000), .bool(true), .bool(false),
                .string("yes"),
                .string("on"), .null, .null, .string("1"), .string("2026-11-18"), .double(0.5), .double(1e20),
                .string("1_000"),
            ])
    }

    @Test func aKeyThatStandsTwiceIsRefused() {
        fails("a: 1\nb: 2\na: 3\n", "'a'")
        fails("x:\n  a: 1\n  a: 2\n", "stands twice")
        fails("{a: 1, a: 2}", "stands twice")
    }

    @Test func whatIsNoYAMLNamesItsLine() {
        fails("a: 1\n\tb: 2\n", line: 2, "not valid YAML")
        fails("a: [1, 2\nb: 3\n", "not valid YAML")
        fails("a: 'open\n", "not valid YAML")
        fails("a: *nobody\n", "")
        fails("? [a, b]\n: 1\n", "a key must be a single value")
        fails("a: \u{1}\n", "")
    }

    @Test func anExpansionBombStops() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let names = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(names)]\n"
        }
        fails(text, "after expanding aliases")
    }

    @Test func deepNestingIsRefused() throws {
        let nested = { (levels: Int) in String(repeating: "[", count: levels) + String(repeating: "]", count: levels) }
        _ = try YAMLReader.documents(text: nested(60), file: "f.yml")
        fails(nested(70), "deeper than 64")
        fails(nested(100_000))
        fails((0..<2000).map { String(repeating: " ", count: $0) + "a:\n" }.joined())
        fails(String(repeating: "- ", count: 100_000) + "x")
    }

    @Test func filesAreReadWithinTheirLimits() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "yaml-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func file(_ data: Data) throws -> String {
            let file = folder.appending(path: UUID().uuidString)
            try data.write(to: file)
            return file.path
        }
        #expect(try YAMLReader.documents(path: file(Data("a: 1".utf8))).count == 1)
        #expect(try YAMLReader.documents(path: file(Data())).isEmpty)
        let latin = try file(Data([0x61, 0x3A, 0x20, 0xE9]))
        #expect { try YAMLReader.documents(path: latin) } throws: { "\($0)" == "\(latin): is not UTF-8." }
        let large = try file(Data(repeating: 0x23, count: YAMLReader.maximumBytes + 1))
        #expect { try YAMLReader.documents(path: large) } throws: { "\($0)".contains("at most") }
        #expect { try YAMLReader.documents(path: "/nowhere/x.yml") } throws: {
            "\($0)".hasPrefix("/nowhere/x.yml: cannot be read: ")
        }
    }

    @Test func unknownKeysAreRefusedWithAHint() throws {
        let document = try #require(try YAMLReader.documents(text: "titel: x\n", file: "f.yml").first)
        #expect {
            try document.refuseKeys(except: ["title", "id"])
        } throws: { "\($0)" == "f.yml:1:8: titel: unknown key 'titel'. Did you mean 'title'?" }
    }
}
