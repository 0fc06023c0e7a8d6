// SPDX-License-Identifier: Apache-2.0

import YAMLDocument

/// The fields that a set of rules reads, collected once and compiled into what the decoder walks with.
///
/// Ask for each field's slot, then make decoders. Field names are Sigma's: `api.operation`, `resources.name`.
package struct FieldPlan {
    /// A slot that is computed from others after the walk.
    struct Derived {
        enum Rule {
            /// The first source that has a value.
            case first
            /// The first source whose text is none of these.
            case except([String])
            case table([Mapping.Row], otherwise: Mapping.Constant?)
            case presence(then: Mapping.Constant?, otherwise: Mapping.Constant?)
            case host
            /// The second source where the first one has a value.
            case when
        }

        let rule: Rule
        let sources: [Int]
        let target: Int
    }

    private let mapping: Mapping
    private let directory: IdentityDirectory?
    private(set) var paths: [String: Int] = [:]
    private(set) var named: [String: Int] = [:]
    private(set) var constants: [(slot: Int, value: Mapping.Constant)] = []
    /// In the order in which they are to be computed.
    private(set) var derived: [Derived] = []
    private(set) var attributes: [(name: String, target: Int)] = []
    private(set) var identitySource: Int?
    /// Slots have places below this.
    package private(set) var count = 0
    /// Where the decoder finds the event's id and its time.
    private(set) var uid = SlotID(index: 0)
    private(set) var time = SlotID(index: 0)

    /// A plan that reads `metadata.uid` and `time`. The directory resolves `identity` and gives `identity.<attribute>`.
    package init(mapping: Mapping, directory: IdentityDirectory? = nil) {
        self.mapping = mapping
        self.directory = directory
        uid = slot("metadata.uid")
        time = slot("time")
    }

    /// Where the event's time is looked for, for messages.
    var timePaths: String {
        guard case .paths(let paths) = mapping.fields["time"] else { return "time" }
        return paths.joined(separator: ", ")
    }

    /// The slot of a field; the same field gives the same slot.
    ///
    /// `identity` is the directory's id for the name in the event, else that name. `identity.<attribute>` is the
    /// directory's attribute of that identity; where the directory does not know it, the event's own field of that name.
    package mutating func slot(_ field: String) -> SlotID {
        if let known = named[field] { return SlotID(index: Int32(known)) }
        let slot: Int
        if field == "identity" {
            let source = compile(mapping.fields[field] ?? .paths([field]))
            slot = new()
            identitySource = source
        } else if let attribute = attribute(field) {
            _ = self.slot("identity")
            // The event's own field stands there unless the directory knows better.
            slot = path(field)
            attributes.append((attribute, slot))
        } else {
            slot = compile(mapping.fields[field] ?? .paths([field]))
        }
        named[field] = slot
        return SlotID(index: Int32(slot))
    }

    private func attribute(_ field: String) -> String? {
        guard field.hasPrefix("identity."), mapping.fields[field] == nil else { return nil }
        let name = String(field.dropFirst("identity.".count))
        return IdentityDirectory.attributes.contains(name) || name == IdentityDirectory.ended ? name : nil
    }

    private mutating func compile(_ source: Mapping.Source) -> Int {
        switch source {
        case .paths(let paths) where paths.count == 1: return path(paths[0])
        case .paths(let paths): return derive(.first, slots(paths))
        case .except(let paths, let values): return derive(.except(values), slots(paths))
        case .table(let paths, let rows, let otherwise): return derive(.table(rows, otherwise: otherwise), slots(paths))
        case .presence(let paths, let then, let otherwise):
            return derive(.presence(then: then, otherwise: otherwise), slots(paths))
        case .host(let paths): return derive(.host, slots(paths))
        case .when(let condition, let source):
            let sources = [path(condition), compile(source)]
            return derive(.when, sources)
        case .chain(let sources):
            var slots: [Int] = []
            for source in sources { slots.append(compile(source)) }
            return derive(.first, slots)
        case .constant(let value):
            let slot = new()
            constants.append((slot, value))
            return slot
        }
    }

    private mutating func derive(_ rule: Derived.Rule, _ sources: [Int]) -> Int {
        let target = new()
        derived.append(Derived(rule: rule, sources: sources, target: target))
        return target
    }

    private mutating func slots(_ paths: [String]) -> [Int] {
        var slots: [Int] = []
        for path in paths { slots.append(self.path(path)) }
        return slots
    }

    private mutating func path(_ path: String) -> Int {
        if let known = paths[path] { return known }
        let slot = new()
        paths[path] = slot
        return slot
    }

    private mutating func new() -> Int {
        count += 1
        return count - 1
    }

    /// A decoder for one thread. Nil when there is no memory.
    package func makeDecoder(limits: EventDecoder.Limits = .init()) -> EventDecoder? {
        EventDecoder(plan: self, directory: directory, limits: limits)
    }
}
