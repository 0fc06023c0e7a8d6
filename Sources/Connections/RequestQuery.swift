// SPDX-License-Identifier: Apache-2.0

/// The query string of a request as names and values (WHATWG URL §5.1, `application/x-www-form-urlencoded`), decoded
/// once.
struct RequestQuery: Sendable {
    /// Bytes of a query string.
    static let maximumBytes = 64 * 1024
    /// Parameters of a query string.
    static let maximumCount = 1024

    let parameters: [(name: String, value: String)]

    init(_ query: Substring) throws(RequestRefusal) {
        guard query.utf8.count <= Self.maximumBytes else {
            throw RequestRefusal(.ambiguousQuery, "The query string is longer than \(Self.maximumBytes) bytes.")
        }
        for byte in query.utf8 where byte <= 0x20 || byte >= 0x7F || byte == UInt8(ascii: "#") {
            throw RequestRefusal(
                .ambiguousQuery,
                "The query string holds the byte 0x\(String(byte, radix: 16)), which has to be percent-encoded.")
        }
        var parameters: [(name: String, value: String)] = []
        for part in query.split(separator: "&", omittingEmptySubsequences: true) {
            guard parameters.count < Self.maximumCount else {
                throw RequestRefusal(.ambiguousQuery, "The query string has more than \(Self.maximumCount) parameters.")
            }
            let equals = part.utf8.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            let raw = equals == part.endIndex ? part[equals...] : part[part.utf8.index(after: equals)...]
            guard let name = PercentDecoding.decode(part[..<equals], plusIsSpace: true),
                let value = PercentDecoding.decode(raw, plusIsSpace: true)
            else {
                throw RequestRefusal(
                    .ambiguousQuery, "The query string holds an escape that is not hexadecimal or not UTF-8.")
            }
            parameters.append((name, value))
        }
        self.parameters = parameters
    }

    init() {
        parameters = []
    }

    /// Whether the parameter is there, with any value.
    func has(_ name: String) -> Bool {
        parameters.contains { $0.name == name }
    }

    /// The values of a parameter, as often as it is given.
    func values(_ name: String) -> [String] {
        parameters.filter { $0.name == name }.map(\.value)
    }

    /// The one value of a parameter that policy reads; nil when it is absent.
    func single(_ name: String) throws(RequestRefusal) -> String? {
        var found: String?
        for parameter in parameters where parameter.name == name {
            guard found == nil else {
                throw RequestRefusal(.ambiguousQuery, "The parameter '\(name)' is given twice.")
            }
            found = parameter.value
        }
        return found
    }
}
