// SPDX-License-Identifier: Apache-2.0

import Connections
import Foundation
import Testing

/// The scanner against Foundation's reader on random documents, whole and damaged.
@Suite("The JSON scanner against JSONSerialization")
struct JSONScanFuzzTests {
    private static let names = ["ids", "limit", "points", "id", "a", "ü", "", "x y", "*", "a/b"]
    private static let pointers = [
        "", "/ids", "/ids/*", "/ids/*/*", "/limit", "/points/*/id", "/points/*", "/a/limit", "/*", "/*/ids/*", "/ü",
        "/a~1b/*",
    ]

    private struct Writer {
        var random: SeededGenerator

        mutating func document() -> String { value(0) }

        private mutating func value(_ depth: Int) -> String {
            // Containers at the top, so that there is something to find.
            switch Int.random(in: (depth < 2 ? 5 : 0)..<(depth > 4 ? 6 : 10), using: &random) {
            case 0: return "null"
            case 1: return Bool.random(using: &random) ? "true" : "false"
            case 2: return String(Int.random(in: -5...1_000_000, using: &random))
            case 3: return "\(Int.random(in: -9...9, using: &random)).\(Int.random(in: 0...99, using: &random))e1"
            case 4, 5: return text(String((0..<Int.random(in: 0...8, using: &random)).map { _ in letter() }))
            case 6, 7:
                let items = (0..<Int.random(in: 0...5, using: &random)).map { _ in space() + value(depth + 1) + space()
                }
                return "[" + items.joined(separator: ",") + "]"
            default:
                let keys = JSONScanFuzzTests.names.shuffled(using: &random).prefix(
                    Int.random(in: 0...5, using: &random))
                let members = keys.map { space() + text($0) + space() + ":" + space() + value(depth + 1) }
                return "{" + members.joined(separator: ",") + space() + "}"
            }
        }

        private mutating func letter() -> Character {
            ["a", "\"", "\\", "\n", "é", "🙂", "/", "\u{1}", "0"].randomElement(using: &random) ?? "a"
        }

        private mutating func space() -> String {
            ["", "", "", " ", "\n", "\t "].randomElement(using: &random) ?? ""
        }

        /// A string, its characters escaped where they have to be and sometimes where they do not.
        private mutating func text(_ text: String) -> String {
            var written = "\""
            for unit in text.utf16 {
                let mustEscape = unit < 0x20 || unit == 0x22 || unit == 0x5C || (0xD800..<0xE000).contains(unit)
                if mustEscape || Int.random(in: 0..<6, using: &random) == 0 {
                    written += "\\u" + String(UInt32(unit) + 0x10000, radix: 16).suffix(4)
                } else {
                    written.unicodeScalars.append(Unicode.Scalar(unit) ?? " ")
                }
            }
            return written + "\""
        }
    }

    /// What a pointer finds in Foundation's reading.
    private func values(_ pointer: String, in root: Any) -> [Any] {
        var values = [root]
        for token in pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            let name = String(token.replacing("~1", with: "/"))
            values = values.flatMap { value -> [Any] in
                if token == "*" { return value as? [Any] ?? [] }
                return (value as? [String: Any])?[name].map { [$0] } ?? []
            }
        }
        return values
    }

    private func scan(_ bytes: [UInt8], _ random: inout SeededGenerator) throws -> JSONScan {
        var plan = JSONPlan()
        for pointer in Self.pointers { _ = try plan.watch(pointer, keeps: true) }
        var scan = JSONScan(plan)
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(Int.random(in: 1...9, using: &random)))
            try piece.withUnsafeBytes { try scan.push($0) }
            rest = rest.dropFirst(piece.count)
        }
        try scan.finish()
        return scan
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `counts and texts agree on random documents in random pieces`(seed: UInt64) throws {
        var writer = Writer(random: SeededGenerator(state: seed))
        var found = 0
        for _ in 0..<1_500 {
            let text = writer.document()
            let root = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
            let scan = try scan(Array(text.utf8), &writer.random)
            for (index, pointer) in Self.pointers.enumerated() {
                let values = values(pointer, in: root)
                let finding = scan.findings[index]
                #expect(finding.count + finding.nulls == values.count, "\(pointer) in \(text)")
                let texts = values.compactMap { $0 as? String }
                #expect(finding.strings == texts.count, "\(pointer) in \(text)")
                #expect(finding.longestString == texts.map(\.utf8.count).max() ?? 0, "\(pointer) in \(text)")
                #expect(finding.texts.count == finding.strings + finding.numbers, "\(pointer) in \(text)")
                #expect(
                    finding.longestArray == values.compactMap { ($0 as? [Any])?.count }.max() ?? 0,
                    "\(pointer) in \(text)")
                found += values.count
            }
        }
        #expect(found > 3_000, "the documents have what the pointers look for")
    }

    @Test(arguments: [11, 12, 13, 14] as [UInt64])
    func `nothing that Foundation refuses is accepted, and no damage ends the process`(seed: UInt64) throws {
        var writer = Writer(random: SeededGenerator(state: seed))
        var refused = 0
        for _ in 0..<1_500 {
            var bytes = Array(writer.document().utf8)
            for _ in 0..<Int.random(in: 1...3, using: &writer.random) {
                let place = Int.random(in: 0...bytes.count, using: &writer.random)
                switch Int.random(in: 0..<3, using: &writer.random) {
                case 0: bytes.insert(UInt8.random(in: 0...255, using: &writer.random), at: place)
                case 1 where place < bytes.count: bytes.remove(at: place)
                case 2 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &writer.random)
                default: bytes.insert("{}[]\",:\\0e".utf8.randomElement(using: &writer.random) ?? 0, at: place)
                }
            }
            do {
                _ = try scan(bytes, &writer.random)
                let root = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
                #expect(root != nil, "accepted: \(String(decoding: bytes, as: UTF8.self)) \(bytes)")
            } catch is JSONFault {
                refused += 1
            }
        }
        #expect(refused > 500)
    }
}
