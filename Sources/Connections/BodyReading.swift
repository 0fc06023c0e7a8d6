// SPDX-License-Identifier: Apache-2.0

/// The body of a request, read for policy.
struct BodyReading {
    private(set) var findings: [JSONFinding]
    /// Bytes without Content-Encoding.
    private(set) var length = 0

    init(
        _ body: UnsafeRawBufferPointer, route: Route, contentType: String?, contentEncoding: String?, limit: Int,
        patterns: inout PatternSearch
    ) throws(RequestRefusal) {
        findings = Array(repeating: JSONFinding(), count: route.plan.count)
        guard body.count <= limit else {
            throw RequestRefusal(.tooLarge, "The body is larger than the \(limit) bytes that policy reads.")
        }
        guard !body.isEmpty else { return }
        let type = MediaType(contentType)
        guard type.isUTF8 else {
            throw RequestRefusal(
                .unsupportedMedia, "The body must be UTF-8, not '\(RequestRefusal.shown(type.charset ?? ""))'.")
        }
        guard let decoded = try ContentDecoding.decode(body, encoding: contentEncoding, limit: limit) else {
            try read(body, route, type, &patterns)
            return
        }
        let outcome = decoded.withUnsafeBytes { bytes -> Result<BodyReading, RequestRefusal> in
            var copy = self
            return Result { () throws(RequestRefusal) in
                try copy.read(bytes, route, type, &patterns)
                return copy
            }
        }
        self = try outcome.get()
    }

    private mutating func read(
        _ bytes: UnsafeRawBufferPointer, _ route: Route, _ type: MediaType, _ patterns: inout PatternSearch
    ) throws(RequestRefusal) {
        length = bytes.count
        let isLines = route.body == .ndjson
        let isReadable = type.isJSON || isLines && type.isLines
        guard isReadable || route.plan.isEmpty else {
            throw RequestRefusal(
                .unsupportedMedia,
                "This operation's body must be \(isLines ? "application/x-ndjson" : "application/json"), not "
                    + "'\(RequestRefusal.shown(type.name))'.")
        }
        // What it was said to be decides; what it looks like decides too, since some servers read JSON whatever it is
        // called.
        let looksLikeJSON =
            bytes.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }.map { $0 == 0x7B || $0 == 0x5B } ?? false
        if isReadable || looksLikeJSON {
            do throws(JSONFault) {
                findings = try scan(bytes, route.plan, isLines || type.isLines ? .lines : .document, &patterns)
            } catch {
                if isReadable { throw Self.refusal(error) }
            }
        }
        guard !isReadable, patterns.isNeeded else { return }
        if Self.isUTF8(bytes) {
            patterns.search(bytes)
        } else {
            patterns.search(String(decoding: bytes, as: UTF8.self))
        }
    }

    private func scan(
        _ bytes: UnsafeRawBufferPointer, _ plan: JSONPlan, _ shape: JSONScan.Shape, _ patterns: inout PatternSearch
    ) throws(JSONFault) -> [JSONFinding] {
        var scan = JSONScan(plan, shape: shape, wantsTexts: patterns.isNeeded)
        var search = patterns
        defer { patterns = search }
        try scan.push(bytes) { search.search($0) }
        try scan.finish()
        return scan.findings
    }

    private static func refusal(_ fault: JSONFault) -> RequestRefusal {
        switch fault.kind {
        case .syntax, .tooDeep: RequestRefusal(.invalidJSON, "The body is not JSON that can be read: \(fault).")
        case .duplicateName, .lookalikeName, .tooManyMembers:
            RequestRefusal(.ambiguousJSON, "The body can be read in two ways: \(fault).")
        }
    }

    private static func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        String(validating: bytes, as: UTF8.self) != nil
    }
}
