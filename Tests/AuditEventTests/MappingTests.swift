// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Testing
import YAMLDocument

@Suite struct MappingTests {
    private func mapping(_ text: String) throws -> Mapping {
        try Mapping(#require(try YAMLReader.documents(text: text, file: "m.yml").first))
    }

    private func read(_ fields: String, _ event: String, _ field: String = "f") throws -> Value {
        try Reader([field], mapping: mapping("name: m\nfields: {\(fields)}")).read(event)[0]
    }

    @Test func theFirstPathWithAValueCounts() throws {
        #expect(try read("f: [a, b.c]", #"{"b":{"c":2}}"#) == .int(2))
        #expect(try read("f: [a, b.c]", #"{"a":null,"b":{"c":2}}"#) == .int(2))
        #expect(try read("f: [a, b.c]", #"{"a":"","b":{"c":2}}"#) == .int(2))
        #expect(try read("f: [a, b.c]", #"{"a":{"x":1},"b":{"c":2}}"#) == .int(2))
        #expect(try read("f: [a, b.c]", #"{"a":[1,2],"b":{"c":2}}"#) == .list([.int(1), .int(2)]))
        #expect(try read("f: [a, b.c]", #"{"f":1}"#) == .missing)
        #expect(try read("f: a", #"{"a":true}"#) == .bool(true))
        #expect(try read("g: a", #"{"f":1}"#) == .int(1), "a field that is not named is its own path")
    }

    @Test func tablesLookTextsUp() throws {
        let table = "f: {from: [a, b], map: {x: 1, true: yes, 'x*z': 2, '*y': 3, 'x*': 4}, default: 9}"
        for (event, value) in [
            (#"{"a":"x"}"#, Value.int(1)), (#"{"a":true}"#, .string("yes")), (#"{"a":"xz"}"#, .int(2)),
            (#"{"a":"xAz"}"#, .int(2)),
            (#"{"a":"ay"}"#, .int(3)), (#"{"a":"xy"}"#, .int(3)), (#"{"a":"xa"}"#, .int(4)), (#"{"a":"X"}"#, .int(9)),
            ("{}", .int(9)),
            (#"{"a":null,"b":"x"}"#, .int(1)), (#"{"a":["x","ay"]}"#, .int(1)),
        ] {
            #expect(try read(table, event) == value, "\(event)")
        }
        #expect(try read("f: {from: a, map: {x: 1}}", #"{"a":"y"}"#) == .missing)
        #expect(
            try read("f: {from: a, map: {'x*x': 1}}", #"{"a":"x"}"#) == .missing, "both ends need their own letters")
    }

    @Test func constantsPresenceAndHosts() throws {
        #expect(try read("f: {value: 3002}", "{}") == .int(3002))
        #expect(try read("f: {value: true}", #"{"f":1}"#) == .bool(true))
        #expect(try read("f: {present: [e, m], then: 2, else: 1}", #"{"m":"failed"}"#) == .int(2))
        #expect(try read("f: {present: [e, m], then: 2, else: 1}", #"{"e":"","m":null}"#) == .int(1))
        for (text, host) in [
            ("10.0.0.1:22", "10.0.0.1"), ("10.0.0.1", "10.0.0.1"), ("[::1]:3022", "::1"), ("fe80::1", "fe80::1"),
            ("[::1]", "::1"),
            ("h:", "h"), (":1", ""),
        ] {
            #expect(try read("f: {host: a}", "{\"a\":\"\(text)\"}") == .string(host))
        }
    }

    @Test func someTextsDoNotCountAndSomeSourcesHaveACondition() throws {
        let except = "f: {from: [a, b], except: [anonymous, 'system:*']}"
        #expect(try read(except, #"{"a":"anonymous","b":"x"}"#) == .string("x"))
        #expect(try read(except, #"{"a":"system:node","b":"x"}"#) == .string("x"))
        #expect(try read(except, #"{"a":"anonymous"}"#) == .missing)
        let chain = "f: [a, {from: b, when: c}, {value: 7, when: d}]"
        #expect(try read(chain, #"{"a":1,"b":2,"c":3}"#) == .int(1))
        #expect(try read(chain, #"{"b":2,"c":3}"#) == .int(2))
        #expect(try read(chain, #"{"b":2}"#) == .missing)
        #expect(try read(chain, #"{"b":2,"d":1}"#) == .int(7))
    }

    @Test func theTimeCanBeTakenFromAnotherPath() throws {
        let reader = try Reader([], mapping: Mapping.raw.takingTime(from: "when.at"))
        #expect(
            try reader.view(Array(#"{"time":1,"when":{"at":1794990600}}"#.utf8), time: nil) { $0.time }
                == 1_794_990_600_000)
    }

    @Test(arguments: [
        ("name: m\nfields:\n  f: {frm: a, map: {x: 1}}", 3, "fields.f.frm"), ("name: m\nfield: {}", 2, "field"),
        ("fields: {}", 1, ""),
        ("name: m\nfields:\n  f: {from: a, map: {'a*b*': 1}}", 3, "fields.f.map.a*b*"),
        ("name: m\nfields:\n  f: []", 3, "fields.f"),
        ("name: m\nfields:\n  f: {value: 1.5}", 3, "fields.f.value"),
        ("name: m\nfields:\n  f: {value: 1, host: a}", 3, "fields.f.host"),
        ("name: m\nlogsources:\n  - {produkt: x}\nfields: {}", 3, "logsources[0].produkt"),
        ("name: m\nfields:\n  f:", 3, "fields.f"),
        ("name: m\nfields:\n  a: b\n  f: {from: [], map: {x: 1}}", 4, "fields.f.from"),
        ("name: m\nfields: x", 2, "fields"),
    ])
    func errorsNameFileLineAndKey(text: String, line: Int, key: String) throws {
        #expect {
            try mapping(text)
        } throws: { error in
            guard let error = error as? DocumentError else { return false }
            return error.file == "m.yml" && error.line == line && error.key == key && !error.message.isEmpty
        }
    }

    @Test func aNameThatIsNeitherBuiltInNorAFileListsTheBuiltInOnes() throws {
        #expect {
            try Mapping.named("cloudtrial")
        } throws: { error in
            let text = "\(error)"
            return text.hasPrefix("cloudtrial: ") && Mapping.builtInNames.allSatisfy(text.contains)
        }
    }

    // MARK: Identity

    private func directory() throws -> IdentityDirectory {
        try IdentityDirectory(
            text: "uid,aliases,role\nu-1,Ann@example.com;ann,analyst\nu-2,bob,\n", file: "identities.csv")
    }

    @Test func identitiesResolveThroughTheDirectory() throws {
        let reader = try Reader(
            ["identity", "identity.role", "identity.kind"], mapping: .named("ocsf"), directory: directory())
        #expect(
            try reader.read(#"{"actor":{"user":{"email_addr":"ann@EXAMPLE.com"}}}"#) == [
                .string("u-1"), .string("analyst"), .missing,
            ])
        #expect(try reader.read(#"{"user":{"uid":"U-2"}}"#) == [.string("u-2"), .missing, .missing])
        #expect(try reader.read(#"{"actor":{"user":{"uid":"eve"}}}"#) == [.string("eve"), .missing, .missing])
        #expect(try reader.read(#"{"actor":{"user":{"uid":""}}}"#)[0] == .missing)
        #expect(try reader.read(#"{"identity":{"name":"x"},"actor":{"user":{"uid":"bob"}}}"#)[0] == .string("u-2"))
        #expect(try reader.read("{}")[0] == .missing)
    }

    @Test func attributesFallBackToTheEventsOwnField() throws {
        let event = #"{"identity.role":"own","actor":{"user":{"uid":"eve"}}}"#
        let known = #"{"identity.role":"own","actor":{"user":{"uid":"ann"}}}"#
        let bare = #"{"identity.role":"own"}"#
        let with = try Reader(["identity.role"], mapping: .named("ocsf"), directory: directory())
        #expect(try with.read(event) == [.string("own")])
        #expect(try with.read(known) == [.string("analyst")])
        #expect(try with.read(bare) == [.string("own")])
        #expect(try with.read(#"{"identity":{"role":"nested"}}"#) == [.string("nested")])
        #expect(
            try with.read(#"{"identity.role":"own","user":{"uid":"bob"}}"#) == [.missing], "the directory knows better")
        let without = try Reader(["identity.role"], mapping: .named("ocsf"))
        #expect(try without.read(known) == [.string("own")])
    }

    @Test func anIdentityHasEndedFromTheMidnightAfterItsLastDay() throws {
        let directory = try IdentityDirectory(
            text: "uid,aliases,end_date\nu-1,ann,2026-11-20\nu-2,bob,\n", file: "identities.csv")
        let reader = try Reader(["identity.ended"], mapping: .named("ocsf"), directory: directory)
        func ended(_ uid: String, _ time: String) throws -> Value {
            try reader.read(#"{"user":{"uid":"\#(uid)"},"time":"\#(time)"}"#)[0]
        }
        #expect(try ended("ann", "2026-11-20T23:59:59.999Z") == .bool(false))
        #expect(try ended("ann", "2026-11-21T00:00:00Z") == .bool(true))
        #expect(try ended("ANN", "2027-01-01T00:00:00Z") == .bool(true))
        #expect(try ended("bob", "2027-01-01T00:00:00Z") == .missing, "no end is known")
        #expect(try ended("eve", "2027-01-01T00:00:00Z") == .missing, "nobody is known")
        #expect(try reader.read(#"{"user":{"uid":"eve"},"identity.ended":true}"#)[0] == .bool(true))
    }
}
