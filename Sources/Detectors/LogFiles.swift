// SPDX-License-Identifier: Apache-2.0

package import AuditEvent
import Foundation

/// The recorded logs of one run: files of NDJSON, gzip or not, in the order in which they are read.
package struct LogFiles: Sendable {
    /// What a folder is searched for; each also with `.gz`.
    package static let extensions = ["ndjson", "jsonl", "json"]

    /// Paths as the user gave them; `-` is standard input.
    package let paths: [String]
    /// How lines of text are read; nil for logs that are JSON.
    let lines: TextLines?
    /// The year of a file's first line, where lines have none; nil for the one that the file's own time gives.
    let year: Int?
    /// Bytes of all files as they are on disk; nil where one is no plain file.
    package let byteCount: Int64?

    /// Folders are searched with what is below them, hidden files left out; their files come in the order of their names.
    ///
    /// - Parameters:
    ///   - lines: the mapping's, for logs of text; folders are then searched for `*.log` as well.
    ///   - year: the year of each file's first line, where lines have none.
    /// - Throws: `LineReader.ReadError` when a path does not exist or a folder holds no log.
    package init(_ given: [String], lines: TextLines? = nil, year: Int? = nil) throws {
        self.lines = lines
        self.year = year
        let extensions = lines == nil ? Self.extensions : Self.extensions + ["log"]
        var paths: [String] = []
        for path in given { paths += try Self.find(path, extensions) }
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

    /// The id of an event that has none: `line:12`, of several files `logs/b.ndjson:12`; `line:12.1` for the next of the events that
    /// one line of text stands for.
    func uid(_ line: EventBatch.Line) -> String {
        let place = paths.count == 1 ? "line:\(line.number)" : "\(paths[Int(line.file)]):\(line.number)"
        return line.copy == 0 ? place : "\(place).\(line.copy)"
    }

    /// What writes a file's lines as events; nil for a log that is JSON. Years are counted from the file's own time: when it was
    /// written last, for standard input now.
    func transcoder(file: Int) throws -> LineTranscoder? {
        guard let lines else { return nil }
        let attributes = try? FileManager.default.attributesOfItem(atPath: paths[file])
        let written = paths[file] == "-" ? nil : attributes?[.modificationDate] as? Date
        let notAfter = Int64((written ?? Date()).timeIntervalSince1970 * 1000)
        return try LineTranscoder(lines, notAfter: notAfter, year: year)
    }

    private static func find(_ path: String, _ extensions: [String]) throws -> [String] {
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
