// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Foundation
import Testing
import YAMLDocument

@Suite struct IdentityDirectoryTests {
    private func entries(_ text: String) throws -> [IdentityDirectory.Entry] {
        try IdentityDirectory(text: text, file: "who").entries
    }

    private func fails(_ text: String, line: Int, _ part: String, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(sourceLocation: sourceLocation) {
            try entries(text)
        } throws: { error in
            guard let error = error as? DocumentError else { return false }
            return error.file == "who" && error.line == line && error.description.contains(part)
        }
    }

    static let ann = ["kind": "human", "department": "ml, core", "end_date": "2026-11-30"]

    @Test(arguments: ["\n", "\r\n"])
    func csvIsRead(newline: String) throws {
        let text = [
            "uid,aliases,kind,department,role,peer_group,manager,end_date",
            #"u-1,ann@example.com; ann ;,human,"ml, core",,,,2026-11-30"#,
            "", #""u-""2""",,service,"two"# + "\n" + #"lines",,,,"#,
        ].joined(separator: newline)
        for text in [text, text + newline, "\u{FEFF}" + text] {
            let entries = try entries(text)
            #expect(entries.map(\.uid) == ["u-1", #"u-"2""#])
            #expect(entries[0].aliases == ["ann@example.com", "ann"])
            #expect(entries[0].attributes == Self.ann)
            #expect(entries[1].attributes == ["kind": "service", "department": "two\nlines"])
        }
    }

    @Test(arguments: ["\n", "\r\n"])
    func ndjsonIsRead(newline: String) throws {
        let text = [
            #"{"uid":"u-1","aliases":["ann@example.com","ann"],"kind":"human","department":"ml, core","end_date":"2026-11-30","role":null}"#,
            "", #"{"uid":"u-2"}"#,
        ].joined(separator: newline)
        for text in [text, text + newline, "\u{FEFF}" + text] {
            let entries = try entries(text)
            #expect(entries.map(\.uid) == ["u-1", "u-2"])
            #expect(entries[0].aliases == ["ann@example.com", "ann"])
            #expect(entries[0].attributes == Self.ann)
        }
    }

    @Test func aNameBelongsToOneIdentity() throws {
        fails("uid,aliases\nu-1,ann\nu-2,ANN\n", line: 0, "belongs to both u-1 and u-2")
        fails("uid,aliases\nu-1,\nU-1,\n", line: 0, "belongs to both")
        #expect(try entries("uid,aliases\nu-1,U-1;ann;Ann\n").count == 1, "twice in one entry is no harm")
    }

    @Test func faultsNameTheirLine() {
        fails("", line: 0, "is empty")
        fails("name,aliases\n", line: 1, "unknown column 'name'")
        fails("uid,alias\n", line: 1, "Did you mean 'aliases'?")
        fails("uid,uid\n", line: 1, "twice")
        fails("aliases\nx\n", line: 1, "uid is missing")
        fails("uid,aliases\nu-1\n", line: 2, "has 1 columns")
        fails("uid,kind\n\n\nu-1,robot\n", line: 4, "Write human or service")
        fails("uid,end_date\nu-1,tomorrow\n", line: 2, "not an ISO date")
        fails("uid,kind\n,human\n", line: 2, "uid: is empty")
        fails("uid,role\nu-1,\"open\nu-2,x\n", line: 2, "never closes")
        fails("{\"uid\":\"a\"}\n{\"uid\":}\n", line: 2, "not a JSON object")
        fails("{\"uid\":\"a\"}\n{\"uid\":7}\n", line: 2, "is not a text")
        fails("{\"uid\":\"a\",\"aliases\":\"b\"}", line: 1, "is not a list")
        fails("{\"uid\":\"a\",\"alias\":[]}", line: 1, "Did you mean 'aliases'?")
    }

    @Test func filesThatCannotBeReadSaySo() throws {
        #expect(throws: DocumentError.self) { try IdentityDirectory(path: "/nowhere/identities.csv") }
        let file = FileManager.default.temporaryDirectory.appending(path: "latin-\(UUID().uuidString).csv")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data([0x75, 0x69, 0x64, 0x0A, 0xE9, 0x0A]).write(to: file)
        #expect { try IdentityDirectory(path: file.path) } throws: { "\($0)".contains("is not UTF-8") }
    }

    @Test func theFixtureDirectoryIsRead() throws {
        let directory = try IdentityDirectory(path: projectRoot.appending(path: "fixtures/identities.csv").path)
        #expect(directory.entries.count >= 200)
    }
}
