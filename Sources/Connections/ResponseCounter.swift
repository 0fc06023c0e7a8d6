// SPDX-License-Identifier: Apache-2.0

/// Counts what a response returns while it passes, chunk by chunk and in bounded memory.
///
/// For bodies without Content-Encoding and of a JSON type only. It never stops a response: what cannot be read is not
/// counted.
package struct ResponseCounter {
    private var scan: JSONScan
    private var isReadable = true

    init(_ plan: JSONPlan) {
        scan = JSONScan(plan, names: .lenient)
    }

    /// Takes the next bytes of the body.
    package mutating func feed(_ bytes: UnsafeRawBufferPointer) {
        guard isReadable else { return }
        do throws(JSONFault) {
            try scan.push(bytes)
        } catch {
            isReadable = false
        }
    }

    /// The same for bytes in an array.
    package mutating func feed(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { feed($0) }
    }

    /// What was returned so far: also right for a response that was cut off.
    package var items: Int { scan.findings.reduce(0) { $0 + $1.count } }

    /// What the whole response returned; nil when its body was not JSON to the end.
    package mutating func finish() -> Int? {
        guard isReadable else { return nil }
        do throws(JSONFault) {
            try scan.finish()
            return items
        } catch {
            return nil
        }
    }
}
