// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The recorded logs of one run: files of NDJSON, gzip or not, in the order in which they are read.
package struct LogFiles: Sendable {
    /// What a folder is searched for; each also with `.gz`.
    package static let extensions = ["ndjson", "jsonl", "json"]

    /// Paths as the user gave them; `-` is standard input.
    package let paths: [String]
    /// Bytes of all files as they are on disk; nil where one is no plain file.
    package let byteCount: Int64?

    /// Folders are searched with what is below them, hidden files left out; their files come in the order of their names.
    ///
    /// - Throws: `LineReader.ReadError` when a path does not exist or a folder holds no log.
    package init(_ given: [String]) throws {
        var paths: [String] = []
        for path in given { paths += try Self.find(path) }
        self.paths = paths
        var total: Int64? = 0
        for path in paths {
            let attributes = path == "-" ? nil : try? FileManager.default.attributesOfItem(atPath: path)
            let isPlain = attributes?[.type] as? FileAttributeType == .typeRegular
            total = total.flatMap { sum in isPlain ? (attributes?[.size] as? Int64).map { sum + $0 } : nil }
        }
        byteCount = total
    }

    /// Where a line stands, for messages: `line 12`, of several files `logs/b.ndjson:12`.
    package func place(file: Int, line: Int) -> String {
        paths.count == 1 ? "line \(line)" : "\(paths[file]):\(line)"
    }

    /// The id of an event that has none: `line:12`, of several files `logs/b.ndjson:12`.
    package func uid(file: Int, line: Int) -> String {
        paths.count == 1 ? "line:\(line)" : "\(paths[file]):\(line)"
    }

    private static func find(_ path: String) throws -> [String] {
        var isFolder: ObjCBool = false
        guard path != "-", FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue
        else { return [path] }
        var found: [String] = []
        let walk = FileManager.default.enumerator(atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)
        while let name = walk?.nextObject() as? String {
            let last = (name as NSString).lastPathComponent
            if last.hasPrefix(".") {
                walk?.skipDescendants()
                continue
            }
            let plain = last.hasSuffix(".gz") ? String(last.dropLast(3)) : last
            if extensions.contains((plain as NSString).pathExtension) { found.append("\(path)/\(name)") }
        }
        guard !found.isEmpty else {
            let names = extensions.map { "*.\($0)" }.joined(separator: ", ")
            throw LineReader.ReadError(
                "\(path): the folder holds no log. Looked for \(names), and those with .gz.")
        }
        return found.sorted()
    }
}
