// SPDX-License-Identifier: Apache-2.0

package import Calendar
import Foundation
package import Sigma
package import YAMLDocument

/// Rules read from files together with the calendars that they name.
package struct DetectorFiles: Sendable {
    package let rules: RuleSet
    /// Per rule key.
    package let calendars: [String: ICalendar]
    /// What could not be used and why; the rest is usable.
    package let errors: [DocumentError]
    /// How many files were read.
    package let fileCount: Int

    /// Reads rule files. Directories are searched for `*.yml` and `*.yaml`; hidden files and folders of test events (`*.tests`)
    /// are left out, and the files of folders named `lists` hold the lists of placeholders.
    ///
    /// - Parameters:
    ///   - calendar: an iCalendar file to use for every `gatewatch: outside`, in place of the one that a rule names relative
    ///     to its own file.
    ///   - lists: a YAML file of more placeholder lists, for rules with `expand`.
    /// Paths in which there is no rule at all are an error among `errors`, as nothing would ever fire.
    ///
    /// - Throws: `DocumentError` when a path does not exist, or `lists` or `calendar` cannot be read.
    package init(paths: [String], calendar: String? = nil, lists: String? = nil) throws(DocumentError) {
        var files: [String] = []
        for path in paths { files += try Self.find(path) }
        var (placeholders, errors) = try Self.readLists(paths, given: lists)
        var documents: [YAMLNode] = []
        for file in files {
            do throws(DocumentError) {
                documents += try YAMLReader.documents(path: file)
            } catch {
                errors.append(error)
            }
        }
        if documents.isEmpty, errors.isEmpty {
            errors.append(
                DocumentError(
                    file: paths.joined(separator: ", "),
                    message: "holds no rule. Rules are YAML with title, logsource and detection, in *.yml files."))
        }
        try self.init(
            documents: documents, errors: errors, fileCount: files.count, calendar: calendar, lists: placeholders)
    }

    /// The same from documents at hand.
    package init(
        documents: [YAMLNode], errors: [DocumentError] = [], fileCount: Int = 0, calendar: String? = nil,
        lists: PlaceholderLists = .init()
    ) throws(DocumentError) {
        let rules = RuleSet(documents: documents, lists: lists)
        var errors = errors + rules.errors
        var calendars: [String: ICalendar] = [:]
        var read: [String: ICalendar] = [:]
        if let calendar {
            read[calendar] = try Self.readCalendar(calendar) { DocumentError(file: calendar, message: $0) }
        }
        var broken: Set<String> = []
        for metadata in rules.metadata {
            guard let outside = metadata.extensions.outside else { continue }
            let folder = URL(fileURLWithPath: metadata.file).deletingLastPathComponent()
            let path = calendar ?? URL(fileURLWithPath: outside.file, relativeTo: folder).path
            do throws(DocumentError) {
                if let known = read[path] {
                    calendars[metadata.key] = known
                } else {
                    let found = try Self.readCalendar(path) { outside.node.error($0) }
                    read[path] = found
                    calendars[metadata.key] = found
                }
            } catch {
                errors.append(error)
                broken.insert(metadata.key)
            }
        }
        if broken.isEmpty {
            self.rules = rules
        } else {
            // Without its calendar a rule would fire at the wrong times; what refers to it goes as well, and says so.
            let rest = rules.keeping { !broken.contains($0.key) }
            self.rules = rest
            errors += rest.errors
        }
        self.calendars = calendars
        self.errors = errors
        self.fileCount = fileCount
    }

    private static func readCalendar(
        _ path: String, _ error: (String) -> DocumentError
    ) throws(DocumentError) -> ICalendar {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch let fault {
            throw error("the calendar \(path) \(DocumentError(unreadable: path, fault).message)")
        }
        do {
            return try ICalendar(bytes: Array(data), file: path)
        } catch let fault {
            throw error("\(fault)")
        }
    }

    private static func find(_ path: String) throws(DocumentError) -> [String] {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw DocumentError(file: path, message: "does not exist. Check the path.")
        }
        guard isDirectory.boolValue else { return [path] }
        var files: [String] = []
        // The folder may be a link; the files keep the name that the user gave it.
        let walk = FileManager.default.enumerator(
            atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)
        while let name = walk?.nextObject() as? String {
            let last = (name as NSString).lastPathComponent
            if last.hasPrefix(".") || last == "lists" || last.hasSuffix(EventFiles.suffix) {
                walk?.skipDescendants()
                continue
            }
            if last.hasSuffix(".yml") || last.hasSuffix(".yaml") { files.append("\(path)/\(name)") }
        }
        return files.sorted()
    }
}
