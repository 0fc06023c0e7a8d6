// SPDX-License-Identifier: Apache-2.0

/// The findings (OCSF Detection Finding, class 2004) as they came.
package enum OCSFFormat: String, Sendable, CaseIterable {
    /// One JSON array.
    case array
    /// A finding per line (NDJSON).
    case lines

    func payload(_ alerts: [MessageAlert]) -> Payload {
        switch self {
        case .array: .json(Self.array(alerts))
        case .lines: Payload(contentType: "application/x-ndjson", body: Self.lines(alerts))
        }
    }

    static func array(_ alerts: [MessageAlert]) -> [UInt8] {
        var body = [UInt8(ascii: "[")]
        for alert in alerts {
            if body.count > 1 { body.append(UInt8(ascii: ",")) }
            body += alert.finding
        }
        body.append(UInt8(ascii: "]"))
        return body
    }

    /// A line break between two tokens of a finding is white space; inside a string JSON has none.
    static func lines(_ alerts: [MessageAlert]) -> [UInt8] {
        var body: [UInt8] = []
        for alert in alerts {
            body += alert.finding.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }
            body.append(0x0A)
        }
        return body
    }
}
