// SPDX-License-Identifier: Apache-2.0

/// Reads one JSON document (RFC 8259) in chunks of any size, keeps none of it, and counts what its plan watches.
///
/// It is strict: what it accepts, every conforming reader reads in the same way. Memory is bounded by the depth limit,
/// the plan, and what is kept. Strings are checked to be UTF-8 and their escapes are resolved before a name is
/// compared.
package struct JSONScan {
    /// What a document is.
    package enum Shape: Sendable {
        /// One value.
        case document
        /// NDJSON: one value per line, read as if it were an array of its lines.
        case lines
    }

    /// What is done about names that two readers could read differently.
    package enum Names: Sendable {
        /// Duplicates and look-alikes on the way to watched places are faults: for requests, which policy decides by.
        case strict
        /// All of them count: for responses.
        case lenient
    }

    /// The deepest nesting (serde_json's limit).
    package static let maximumDepth = 128
    /// Members of one object on the way to a watched place, with strict names.
    package static let maximumMembers = 1024
    /// Texts that one place keeps.
    package static let maximumTexts = 1024
    /// UTF-8 bytes of a text that is kept, and of a name that is compared with lenient names.
    package static let maximumTextBytes = 1024

    enum State: UInt8 {
        case value, firstElement, afterElement, firstKey, key, colon, afterMember
        case string, escape, unicode, lowSurrogateSlash, lowSurrogateU
        case minus, zero, digits, point, fraction, exponent, exponentSign, exponentDigits
        case literal
        case done
    }

    struct Frame {
        let isObject: Bool
        /// The plan's node of the container, -1 for none.
        let node: Int
        /// Of an object: its members on the way to a watched place are compared.
        let isWatched: Bool
        var elements = 0
    }

    let plan: JSONPlan
    let shape: Shape
    let names: Names
    let wantsTexts: Bool
    /// One per pointer of the plan, in the order of `JSONPlan.watch`.
    package internal(set) var findings: [JSONFinding]
    /// Lines with a value, of NDJSON.
    package internal(set) var lines = 0

    var state = State.value
    var frames: [Frame] = []
    /// Per depth, hashes of the names seen in the open object.
    var seen: [Set<Int>] = []
    /// The node of the value that comes next, or is being read.
    var node = 0
    /// Bytes before the chunk.
    var base = 0

    // The string, number or literal that is being read.
    var isKey = false
    var collects = false
    /// Decoded; cut at `bufferLimit`.
    var buffer: [UInt8] = []
    var bufferLimit = Int.max
    /// Decoded bytes, also those that are not in the buffer.
    var length = 0
    var pendingContinuations = 0
    var nextContinuation: ClosedRange<UInt8> = 0x80...0xBF
    var unicodeDigits = 0
    var unicodeValue: UInt32 = 0
    var highSurrogate: UInt32 = 0
    var literal: StaticString = "null"
    var literalIndex = 0

    /// - Parameters:
    ///   - wantsTexts: every string and every member's name is handed to `push`'s `onText`.
    package init(_ plan: JSONPlan, shape: Shape = .document, names: Names = .strict, wantsTexts: Bool = false) {
        self.plan = plan
        self.shape = shape
        self.names = names
        self.wantsTexts = wantsTexts
        findings = Array(repeating: JSONFinding(), count: plan.count)
        if shape == .lines { node = plan.nodes[0].element }
    }

    /// Reads on.
    ///
    /// - Parameter onText: called with each decoded string and name, if the scan wants texts. The bytes are only valid
    ///   in the call.
    /// - Throws: `JSONFault`; the scan is of no use after that.
    package mutating func push(
        _ bytes: UnsafeRawBufferPointer, onText: ((UnsafeRawBufferPointer) -> Void)? = nil
    ) throws(JSONFault) {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            switch state {
            case .string:
                index = try scanString(bytes, from: index, onText)
                continue
            case .escape, .unicode, .lowSurrogateSlash, .lowSurrogateU:
                try escape(byte, at: index)
            case .digits where !collects, .fraction where !collects, .exponentDigits where !collects:
                // Vectors are mostly digits: taken in one piece.
                var end = index
                while end < bytes.count, (0x30...0x39).contains(bytes[end]) { end += 1 }
                if end < bytes.count, try !number(bytes[end], at: end) {
                    index = end
                    continue
                }
                index = end
            case .minus, .zero, .digits, .point, .fraction, .exponent, .exponentSign, .exponentDigits:
                // The byte after a number belongs to what comes next.
                if try !number(byte, at: index) { continue }
            case .literal:
                try literal(byte, at: index)
            default:
                try structure(byte, at: index)
            }
            index += 1
        }
        base += bytes.count
    }

    /// The document ends here.
    ///
    /// - Throws: `JSONFault` when it is not complete. An NDJSON document may be empty and its last line may lack its
    ///   line feed.
    package mutating func finish() throws(JSONFault) {
        switch state {
        case .zero, .digits, .fraction, .exponentDigits: endNumber()
        default: break
        }
        if shape == .lines, frames.isEmpty, state == .value || state == .done { return }
        guard state == .done else { throw syntax("the document ends too early", at: 0) }
    }

    // MARK: Structure

    private mutating func structure(_ byte: UInt8, at index: Int) throws(JSONFault) {
        switch byte {
        case 0x20, 0x09, 0x0D: return
        case 0x0A:
            guard shape == .lines else { return }
            // A reader of lines would see two broken values here.
            guard frames.isEmpty else { throw syntax("a line ends inside a value", at: index) }
            if state == .done {
                state = .value
                node = plan.nodes[0].element
            }
            return
        default: break
        }
        switch state {
        case .value: try beginValue(byte, at: index)
        case .firstElement:
            if byte == UInt8(ascii: "]") { endContainer() } else { try beginElement(byte, at: index) }
        case .afterElement:
            switch byte {
            case UInt8(ascii: ","):
                beginElementNode()
                state = .value
            case UInt8(ascii: "]"): endContainer()
            default: throw syntax("expected ',' or ']'", at: index)
            }
        case .firstKey:
            if byte == UInt8(ascii: "}") { endContainer() } else { try beginKey(byte, at: index) }
        case .key: try beginKey(byte, at: index)
        case .colon:
            guard byte == UInt8(ascii: ":") else { throw syntax("expected ':'", at: index) }
            state = .value
        case .afterMember:
            switch byte {
            case UInt8(ascii: ","): state = .key
            case UInt8(ascii: "}"): endContainer()
            default: throw syntax("expected ',' or '}'", at: index)
            }
        default:
            throw syntax("unexpected bytes after the value", at: index)
        }
    }

    private mutating func beginElement(_ byte: UInt8, at index: Int) throws(JSONFault) {
        beginElementNode()
        try beginValue(byte, at: index)
    }

    private mutating func beginElementNode() {
        let top = frames.count - 1
        frames[top].elements += 1
        let array = frames[top].node
        node = array < 0 ? -1 : plan.nodes[array].element
    }

    private mutating func beginKey(_ byte: UInt8, at index: Int) throws(JSONFault) {
        guard byte == UInt8(ascii: "\"") else { throw syntax("expected a member's name", at: index) }
        beginString(isKey: true)
    }

    private mutating func beginString(isKey: Bool) {
        self.isKey = isKey
        if isKey {
            let isWatched = frames[frames.count - 1].isWatched
            collects = wantsTexts || isWatched
            bufferLimit = wantsTexts || names == .strict ? Int.max : Self.maximumTextBytes
        } else {
            collects = wantsTexts || (node >= 0 && plan.nodes[node].keeps)
            bufferLimit = wantsTexts ? Int.max : Self.maximumTextBytes
        }
        buffer.removeAll(keepingCapacity: true)
        length = 0
        state = .string
    }

    private mutating func beginValue(_ byte: UInt8, at index: Int) throws(JSONFault) {
        if shape == .lines, frames.isEmpty { lines += 1 }
        let watch = node < 0 ? -1 : plan.nodes[node].watch
        switch byte {
        case UInt8(ascii: "\""):
            if watch >= 0 { findings[watch].strings += 1 }
            beginString(isKey: false)
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            let isObject = byte == UInt8(ascii: "{")
            guard frames.count < Self.maximumDepth else {
                throw JSONFault(kind: .tooDeep, offset: base + index)
            }
            if watch >= 0 {
                if isObject { findings[watch].objects += 1 } else { findings[watch].arrays += 1 }
            }
            let isWatched = isObject && node >= 0 && !plan.nodes[node].children.isEmpty
            frames.append(Frame(isObject: isObject, node: node, isWatched: isWatched))
            if isWatched, names == .strict {
                while seen.count < frames.count { seen.append([]) }
                seen[frames.count - 1].removeAll(keepingCapacity: true)
            }
            state = isObject ? .firstKey : .firstElement
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"):
            literal = byte == UInt8(ascii: "t") ? "true" : byte == UInt8(ascii: "f") ? "false" : "null"
            literalIndex = 1
            if watch >= 0 {
                if byte == UInt8(ascii: "n") { findings[watch].nulls += 1 } else { findings[watch].booleans += 1 }
            }
            state = .literal
        case UInt8(ascii: "-"), 0x30...0x39:
            if watch >= 0 { findings[watch].numbers += 1 }
            collects = node >= 0 && plan.nodes[node].keeps
            buffer.removeAll(keepingCapacity: true)
            length = 0
            collect(byte)
            state = byte == UInt8(ascii: "-") ? .minus : byte == 0x30 ? .zero : .digits
        default:
            throw syntax("expected a value", at: index)
        }
    }

    mutating func endValue() {
        if let top = frames.last {
            state = top.isObject ? .afterMember : .afterElement
        } else {
            state = .done
        }
    }

    private mutating func endContainer() {
        let frame = frames.removeLast()
        if !frame.isObject, frame.node >= 0 {
            let watch = plan.nodes[frame.node].watch
            if watch >= 0 { findings[watch].longestArray = max(findings[watch].longestArray, frame.elements) }
        }
        endValue()
    }

    func syntax(_ what: String, at index: Int) -> JSONFault {
        JSONFault(kind: .syntax(what), offset: base + index)
    }
}
