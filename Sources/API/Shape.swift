// SPDX-License-Identifier: Apache-2.0

import JSONText

/// How a value is written as a JSON object: its schema in the document and its text come from the same list of members.
struct Shape<Value: Sendable>: Sendable {
    struct Member: Sendable {
        let property: Schema.Property
        /// Writes the member with its name; nothing where it is absent.
        let write: @Sendable (Value, inout JSONWriter) -> Void
    }

    /// Among the document's schemas.
    let name: String
    let members: [Member]

    init(_ name: String, _ members: [Member]) {
        self.name = name
        self.members = members
    }

    var schema: Schema { .named(name) }
    var definition: Schema { .object(members.map(\.property)) }

    func write(_ value: Value, to json: inout JSONWriter) {
        json.object { json in
            for member in members { member.write(value, &json) }
        }
    }
}

extension Shape.Member {
    private static func make<Part>(
        _ name: String, _ schema: Schema, isRequired: Bool, _ words: String?,
        _ get: @escaping @Sendable (Value) -> Part?, _ write: @escaping @Sendable (Part, inout JSONWriter) -> Void
    ) -> Self {
        Self(property: .init(name, schema, isRequired: isRequired, words)) { value, json in
            guard let part = get(value) else { return }
            json.key(name)
            write(part, &json)
        }
    }

    static func text(
        _ name: String, _ words: String? = nil, schema: Schema = .anyText, _ get: @escaping @Sendable (Value) -> String
    ) -> Self {
        make(name, schema, isRequired: true, words, get) { $1.field(nil, $0) }
    }

    /// Left out where there is none.
    static func maybe(
        _ name: String, _ words: String? = nil, schema: Schema = .anyText,
        text get: @escaping @Sendable (Value) -> String?
    ) -> Self {
        make(name, schema, isRequired: false, words, get) { $1.field(nil, $0) }
    }

    static func integer(
        _ name: String, _ words: String? = nil, schema: Schema = .anyInteger,
        _ get: @escaping @Sendable (Value) -> Int64
    ) -> Self {
        make(name, schema, isRequired: true, words, get) { $1.field(nil, $0) }
    }

    static func count(_ name: String, _ words: String? = nil, _ get: @escaping @Sendable (Value) -> Int) -> Self {
        integer(name, words, schema: .count) { Int64(get($0)) }
    }

    /// A moment, ms since the epoch, UTC.
    static func time(_ name: String, _ words: String? = nil, _ get: @escaping @Sendable (Value) -> Int64) -> Self {
        integer(name, words, get)
    }

    static func maybe(
        _ name: String, _ words: String? = nil, schema: Schema = .anyInteger,
        integer get: @escaping @Sendable (Value) -> Int64?
    ) -> Self {
        make(name, schema, isRequired: false, words, get) { $1.field(nil, $0) }
    }

    static func number(_ name: String, _ words: String? = nil, _ get: @escaping @Sendable (Value) -> Double) -> Self {
        make(name, .number, isRequired: true, words, get) { $1.field(nil, $0) }
    }

    static func maybe(
        _ name: String, _ words: String? = nil, number get: @escaping @Sendable (Value) -> Double?
    ) -> Self {
        make(name, .number, isRequired: false, words, get) { $1.field(nil, $0) }
    }

    static func flag(_ name: String, _ words: String? = nil, _ get: @escaping @Sendable (Value) -> Bool) -> Self {
        make(name, .flag, isRequired: true, words, get) { $1.field(nil, $0) }
    }

    static func texts(
        _ name: String, _ words: String? = nil, schema: Schema = .anyText,
        _ get: @escaping @Sendable (Value) -> [String]
    ) -> Self {
        make(name, .list(schema, count: 0...(.max)), isRequired: true, words, get) {
            $1.array(nil, $0) { json, text in json.field(nil, text) }
        }
    }

    static func object<Part>(
        _ name: String, _ shape: Shape<Part>, _ words: String? = nil, _ get: @escaping @Sendable (Value) -> Part
    ) -> Self {
        make(name, shape.schema, isRequired: true, words, get) { shape.write($0, to: &$1) }
    }

    static func maybe<Part>(
        _ name: String, _ shape: Shape<Part>, _ words: String? = nil, _ get: @escaping @Sendable (Value) -> Part?
    ) -> Self {
        make(name, shape.schema, isRequired: false, words, get) { shape.write($0, to: &$1) }
    }

    static func list<Part>(
        _ name: String, _ shape: Shape<Part>, _ words: String? = nil, _ get: @escaping @Sendable (Value) -> [Part]
    ) -> Self {
        make(name, .list(shape.schema, count: 0...(.max)), isRequired: true, words, get) {
            $1.array(nil, $0) { json, part in shape.write(part, to: &json) }
        }
    }

    /// JSON that is kept as it is.
    static func raw(_ name: String, _ words: String, _ get: @escaping @Sendable (Value) -> String) -> Self {
        make(name, .open(words), isRequired: true, nil, get) { $1.raw($0) }
    }
}
