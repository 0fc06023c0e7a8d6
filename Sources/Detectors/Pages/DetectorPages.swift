// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sigma
import YAMLDocument

/// Pages of a folder of rules, made of the rules alone: one per file, in folders as the files are, and an index.
package struct DetectorPages {
    package static let index = "README.md"

    /// Paths below the folder of the pages, and their text.
    package let pages: [String: String]

    /// - Parameters:
    ///   - files: the rules.
    ///   - folder: the folder they were read from, as it was given.
    package init(_ files: DetectorFiles, folder: String) {
        let root = folder.hasSuffix("/") ? String(folder.dropLast()) : folder
        let name = (root as NSString).lastPathComponent
        var order: [String] = []
        var byFile: [String: [RuleMetadata]] = [:]
        for metadata in files.rules.metadata {
            if byFile[metadata.file] == nil { order.append(metadata.file) }
            byFile[metadata.file, default: []].append(metadata)
        }
        func path(_ file: String) -> String {
            let inside =
                file.hasPrefix(root + "/")
                ? String(file.dropFirst(root.count + 1)) : (file as NSString).lastPathComponent
            return (inside as NSString).deletingPathExtension
        }
        var made: [DetectorPage] = []
        for file in order.sorted() {
            let up = String(repeating: "../", count: path(file).count(where: { $0 == "/" }))
            let links = Dictionary(
                files.rules.metadata.map { rule in
                    (rule.key, (rule.file == file ? "" : "\(up)\(path(rule.file)).md") + "#\(rule.label)")
                }, uniquingKeysWith: { first, _ in first })
            made.append(
                DetectorPage(
                    path: path(file), source: "\(name)/\(path(file)).\((file as NSString).pathExtension)",
                    rules: (byFile[file] ?? []).sorted { $0.document.line < $1.document.line }, set: files.rules,
                    links: links))
        }
        var pages = Dictionary(made.map { ("\($0.path).md", $0.markdown) }, uniquingKeysWith: { first, _ in first })
        pages[Self.index] = Self.index(made, name)
        self.pages = pages
    }

    private static func index(_ pages: [DetectorPage], _ name: String) -> String {
        var lines = [
            DetectorPage.mark, "# Detectors", "",
            "What the rules in `\(name)/` detect. Building blocks, which raise no alert of their own, stand on their rules' pages.",
            "", "| detector | level | status | what |", "| --- | --- | --- | --- |",
        ]
        for page in pages {
            for rule in page.rules where rule.level != .informational {
                lines.append(
                    "| [\(rule.label)](\(page.path).md#\(rule.label)) | \(rule.level?.rawValue ?? "") | \(rule.status?.rawValue ?? "stable") | \(DetectorPage.escaped(rule.title)) |"
                )
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What is different in a folder of pages: paths that are missing, stale or other than they should be.
    package func differences(in folder: String) -> [String] {
        let present = Self.present(in: folder)
        let wrong = pages.filter { path, text in
            (try? String(contentsOfFile: "\(folder)/\(path)", encoding: .utf8)) != text
        }
        return Set(wrong.keys).union(present.subtracting(pages.keys)).sorted()
    }

    /// Writes the pages, and removes those of rules that are gone. Files that are no such pages stay.
    package func write(to folder: String) throws {
        for path in Self.present(in: folder).subtracting(pages.keys) {
            try FileManager.default.removeItem(atPath: "\(folder)/\(path)")
        }
        for (path, text) in pages {
            let file = URL(fileURLWithPath: "\(folder)/\(path)")
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
    }

    private static func present(in folder: String) -> Set<String> {
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return Set(
            names.filter { name in
                name.hasSuffix(".md")
                    && (try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8))?.hasPrefix(DetectorPage.mark)
                        == true
            })
    }
}
