// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Children
import Foundation
import Testing

/// The folder that holds `Package.swift`.
let projectRoot = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent()

/// Public logs that are kept beside the project; nil where they are absent.
let sharedData: URL? = {
    let folder = projectRoot.deletingLastPathComponent().appending(path: "shared/data")
    return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
}()

/// What `gzip -dc` says of a file.
func gunzipped(_ file: URL) throws -> Data {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["gzip", "-dc", file.path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.start()
    let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "gzip -dc \(file.path) failed")
    return data
}

func lines(_ data: Data) -> [[UInt8]] {
    data.split(separator: 0x0A).map { [UInt8]($0) }
}

/// A field's value, copied out of the view.
enum Value: Equatable {
    case missing, null, container
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case text([UInt8])
    case list([Value])

    static func string(_ text: String) -> Value { .text(Array(text.utf8)) }

    init(_ slot: Slot, _ view: EventView) {
        switch slot.kind {
        case .missing: self = .missing
        case .null: self = .null
        case .container: self = .container
        case .bool: self = .bool(slot.bool)
        case .int: self = .int(slot.int)
        case .double: self = .double(slot.double)
        case .string: self = .text([UInt8](slot.bytes))
        case .list:
            var values: [Value] = []
            _ = view.anyValue(slot) {
                values.append(Value($0, view))
                return false
            }
            self = .list(values)
        }
    }
}

/// A decoder for some fields.
final class Reader {
    let fields: [String]
    private let ids: [SlotID]
    private let decoder: EventDecoder

    init(
        _ fields: [String], mapping: Mapping = .raw, directory: IdentityDirectory? = nil,
        limits: EventDecoder.Limits = .init()
    ) throws {
        var plan = FieldPlan(mapping: mapping, directory: directory)
        self.fields = fields
        ids = fields.map { plan.slot($0) }
        decoder = try #require(plan.makeDecoder(limits: limits))
    }

    /// The fields' values, in order. An event without a time is at 0.
    func read(_ bytes: [UInt8]) throws(EventError) -> [Value] {
        try view(bytes) { view in ids.map { Value(view[$0], view) } }
    }

    func read(_ text: String) throws(EventError) -> [Value] { try read(Array(text.utf8)) }

    /// By name, for mappings.
    func fields(of bytes: [UInt8]) throws(EventError) -> [String: Value] {
        Dictionary(zip(fields, try read(bytes)), uniquingKeysWith: { first, _ in first })
    }

    func view<R>(_ bytes: [UInt8], time: Int64? = 0, _ body: (EventView) -> R) throws(EventError) -> R {
        // A copy of exactly that size, so that the address sanitizer sees a read past the end.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { buffer.deallocate() }
        buffer.copyBytes(from: bytes)
        return body(try decoder.decode(UnsafeRawBufferPointer(buffer), fallbackUID: .null, fallbackTime: time))
    }
}

/// The same rules, read from Foundation's JSON: what a path finds under every way to join its segments; the fewest levels win.
enum Reference {
    static func value(_ path: String, in object: Any) -> Value {
        var best: (hops: Int, values: [Value])?
        func visit(_ value: Any, _ rest: ArraySlice<Substring>, _ hops: Int) {
            if let array = value as? [Any] {
                if array.isEmpty && rest.isEmpty { found(.container, hops) }
                for element in array { visit(element, rest, hops) }
                return
            }
            if rest.isEmpty {
                found(scalar(value), hops)
                return
            }
            guard let object = value as? [String: Any] else { return }
            for end in rest.indices {
                guard let child = object[rest[...end].joined(separator: ".")] else { continue }
                visit(child, rest[(end + 1)...], hops + 1)
            }
        }
        func found(_ value: Value, _ hops: Int) {
            if let held = best, held.hops < hops { return }
            if let held = best, held.hops == hops {
                best = (hops, held.values + [value])
            } else {
                best = (hops, [value])
            }
        }
        visit(object, path.split(separator: ".")[...], 0)
        guard let best else { return .missing }
        let scalars = best.values.filter { $0 != .container }
        if scalars.isEmpty { return .container }
        return scalars.count == 1 ? scalars[0] : .list(scalars)
    }

    private static func scalar(_ value: Any) -> Value {
        if value is NSNull { return .null }
        if let text = value as? String { return .string(text) }
        guard let number = value as? NSNumber else { return .container }
        switch String(cString: number.objCType) {
        case "c", "B": return .bool(number.boolValue)
        case "d", "f": return .double(number.doubleValue)
        case "Q": return Int64(exactly: number.uint64Value).map { .int($0) } ?? .double(number.doubleValue)
        default: return .int(number.int64Value)
        }
    }

    /// Whether two readings are the same; a whole number may be read as an int by one and as a double by the other.
    static func same(_ a: Value, _ b: Value) -> Bool {
        switch (a, b) {
        case (.int(let x), .double(let y)), (.double(let y), .int(let x)): return Double(x) == y
        case (.list(let x), .list(let y)): return x.count == y.count && zip(x, y).allSatisfy { same($0, $1) }
        default: return a == b
        }
    }
}

/// SplitMix64: the same numbers on every run.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
