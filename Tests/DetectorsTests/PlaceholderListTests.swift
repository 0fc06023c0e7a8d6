// SPDX-License-Identifier: Apache-2.0

import Detectors
import Foundation
import Sigma
import Testing
import YAMLDocument

/// The lists of placeholders beside rules: section 1.7 of Sigma's checklist.
@Suite("Lists of placeholders")
struct PlaceholderListTests {
    private func rule(_ placeholder: String) -> String {
        "title: \(placeholder)\nlogsource: {}\ndetection: { s: { user|expand: '%\(placeholder)%' }, condition: s }\n"
    }

    @Test("are read from every folder named lists within the detectors, and are no rules")
    func folders() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write("rules/one.yml", rule("admins"))
        _ = try folder.write("rules/deep/two.yml", rule("servers"))
        _ = try folder.write("rules/lists/people.yml", "admins: [root, 'adm-*']\nguests: [x]")
        _ = try folder.write("rules/deep/lists/more/hosts.yaml", "servers: srv-1")
        _ = try folder.write("rules/lists/.hidden.yml", "not: [yaml")
        _ = try folder.write("rules/lists/notes.txt", "text")
        let files = try DetectorFiles(paths: ["\(folder.path)/rules"])
        #expect(files.errors == [])
        #expect(files.fileCount == 2 && files.rules.detections.count == 2)
        // A part of the set keeps them.
        #expect(files.rules.filtered { $0.metadata.title == "admins" }.errors == [])
    }

    @Test("stand beside those of a file that is given")
    func both() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write("rules/one.yml", rule("admins"))
        _ = try folder.write("rules/two.yml", rule("servers"))
        _ = try folder.write("rules/lists/people.yml", "admins: [root]")
        let given = try folder.write("given.yml", "servers: [srv-1]")
        #expect(try DetectorFiles(paths: ["\(folder.path)/rules"], lists: given).errors == [])
        // The same file by two ways is one.
        let same = "\(folder.path)/rules/lists/people.yml"
        let twice = try DetectorFiles(paths: ["\(folder.path)/rules", "\(folder.path)/rules/../rules"], lists: same)
        #expect(!twice.errors.contains { $0.message.contains("already. Keep one") })
    }

    @Test("a name in two places is an error, and the rules that use it are refused")
    func twice() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write("rules/one.yml", rule("admins"))
        _ = try folder.write("rules/two.yml", rule("servers"))
        let list = try folder.write("rules/lists/people.yml", "servers: [srv-1]\nadmins: [root]")
        let given = try folder.write("given.yml", "admins: [ana]")
        let files = try DetectorFiles(paths: ["\(folder.path)/rules"], lists: given)
        #expect(files.rules.detections.map(\.metadata.title) == ["servers"])
        #expect(
            files.errors.first?.description
                == "\(list):2:9: admins: the list 'admins' stands at \(given):1 already. Keep one of them.")
        #expect(files.errors.count == 2)
        #expect(files.errors.last?.message.contains("the placeholder %admins% has no values") == true)
    }

    @Test("a bad file is an error and takes only its own rules along")
    func bad() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write("rules/one.yml", rule("admins"))
        _ = try folder.write("rules/two.yml", rule("servers"))
        let bad = try folder.write("rules/lists/a.yml", "admins: [root\n")
        let list = try folder.write("rules/lists/b.yml", "- srv-1")
        _ = try folder.write("rules/lists/c.yml", "servers: [srv-1]")
        let files = try DetectorFiles(paths: ["\(folder.path)/rules"])
        #expect(files.rules.detections.map(\.metadata.title) == ["servers"])
        #expect(files.errors.map(\.file).prefix(2) == [bad, list])
        #expect(files.errors.contains { $0.message == "is no file of lists. Write name: [value, …]." })
    }

    @Test("a list that is missing or empty refuses the rule, with the remedy")
    func missing() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("rules/one.yml", rule("admins") + "---\n" + rule("none"))
        _ = try folder.write("rules/lists/a.yml", "none: []")
        let files = try DetectorFiles(paths: ["\(folder.path)/rules"])
        #expect(files.rules.detections.isEmpty)
        #expect(
            files.errors.map(\.description) == [
                "\(path):3:32: detection.s.user|expand: the placeholder %admins% has no values. Write 'admins: [...]' into a file of lists/ beside the rules, or of --lists.",
                "\(path):7:32: detection.s.user|expand: the placeholder %none% has no values. Write 'none: [...]' into a file of lists/ beside the rules, or of --lists.",
            ])
    }
}
