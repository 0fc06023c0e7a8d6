// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sigma
import YAMLDocument

extension DetectorFiles {
    /// The lists that `%name%` stands for: of each file in a folder named `lists` within the paths, and of a file given
    /// besides. One name has one list.
    ///
    /// - Returns: the lists, and what is wrong with files of folders.
    /// - Throws: `DocumentError` when the given file cannot be used.
    static func readLists(
        _ paths: [String], given: String?
    ) throws(DocumentError) -> (PlaceholderLists, [DocumentError]) {
        var lists = PlaceholderLists()
        var errors: [DocumentError] = []
        if let given {
            let documents = try YAMLReader.documents(path: given)
            guard !documents.isEmpty else {
                throw DocumentError(file: given, message: "is empty. Write name: [value, …].")
            }
            for document in documents { if let error = lists.add(document).first { throw error } }
        }
        var known: Set<String> = []
        if let given { known.insert(resolved(given)) }
        for file in paths.flatMap(listFiles) where known.insert(resolved(file)).inserted {
            do throws(DocumentError) {
                for document in try YAMLReader.documents(path: file) { errors += lists.add(document) }
            } catch {
                errors.append(error)
            }
        }
        return (lists, errors)
    }

    private static func resolved(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }

    /// The YAML files below folders named `lists`, hidden ones left out, in the order of their names.
    private static func listFiles(_ path: String) -> [String] {
        var files: [String] = []
        let walk = FileManager.default.enumerator(atPath: resolved(path))
        while let name = walk?.nextObject() as? String {
            let parts = name.split(separator: "/")
            guard let last = parts.last, !last.hasPrefix(".") else {
                walk?.skipDescendants()
                continue
            }
            if parts.dropLast().contains("lists"), last.hasSuffix(".yml") || last.hasSuffix(".yaml") {
                files.append("\(path)/\(name)")
            }
        }
        return files.sorted()
    }
}
