// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
package import Signing

/// The forms of a report.
package enum ReportFormat: String, Sendable, CaseIterable {
    case html, json, csv

    /// Its media type.
    package var contentType: String {
        switch self {
        case .html: "text/html; charset=utf-8"
        case .json: "application/json"
        case .csv: "text/csv; charset=utf-8; header=present"
        }
    }
}

/// A report with its hash and signature, to be written in any form.
package struct ReportDocument: Sendable {
    package let report: WeeklyReport
    let period: ReportPeriod
    /// The report as JSON: members sorted, no white space.
    let encoded: [UInt8]
    /// Of ``encoded``, in hexadecimal.
    package let sha256: String
    /// JWS of type `gatewatch-report+json` over the hash and the week; nil without a key.
    package let signature: String?

    /// What is signed.
    package struct Seal: Codable, Sendable, Equatable {
        package var week: String
        package var zone: String
        package var edition: String
        package var sha256: String
    }

    /// - Throws: ``PeriodError`` for a report whose week is none, `SignatureError`.
    package init(_ report: WeeklyReport, key: SigningKey? = nil) throws {
        self.report = report
        period = try ReportPeriod(week: report.header.week, zone: report.header.zone)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoded = Array(try encoder.encode(report))
        sha256 = SHA256.hash(data: encoded).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
        let seal = Seal(
            week: report.header.week, zone: report.header.zone, edition: report.edition.rawValue, sha256: sha256)
        signature = try key.map {
            String(decoding: try $0.sign(try RecordJSON.encode(seal), type: .report), as: UTF8.self)
        }
    }

    /// The report in one of its forms.
    package func bytes(_ format: ReportFormat) -> [UInt8] {
        switch format {
        case .html: Array(HTMLReport(self).text.utf8)
        case .json: json
        case .csv: Array(CSVReport(report).single.utf8)
        }
    }

    /// The HTML form without a page around it, for one that has ``css`` in its stylesheet, to stand in a `<div class="report">`.
    package var fragment: String { HTMLReport(self).fragment }

    /// The style of ``fragment``, charts included.
    package static var css: String { HTMLStyle.css }

    /// One file of CSV per table, by its name.
    package var tables: [(name: String, text: String)] { CSVReport(report).files }

    /// `gatewatch-2026-W46.html`, `gatewatch-2026-W46-named.json`.
    package func fileName(_ format: ReportFormat) -> String {
        "gatewatch-\(report.header.week)\(report.edition == .named ? "-named" : "").\(format.rawValue)"
    }

    private static let opening = Array(#"{"report":"#.utf8)

    /// `{"report": …, "sha256": …, "signature": …}`: the hash is of the bytes of the first member's value.
    private var json: [UInt8] {
        var bytes = Self.opening + encoded + Array(#","sha256":"\#(sha256)""#.utf8)
        // Of a JWS no character needs an escape.
        if let signature { bytes += Array(#","signature":"\#(signature)""#.utf8) }
        return bytes + Array("}\n".utf8)
    }

    /// Checks the JSON form of a report: that the hash is right, and with keys that a hub's key signed it.
    ///
    /// - Returns: the name of the key that signed it, nil without keys.
    /// - Throws: `RecordError` with what is wrong, `SignatureError`.
    package static func verify(_ json: [UInt8], keys: TrustedKeys?) throws -> String? {
        struct Outer: Decodable {
            var sha256: String
            var signature: String?
        }
        guard json.starts(with: opening), let outer = try? JSONDecoder().decode(Outer.self, from: Data(json)),
            let end = Data(json).range(of: Data(#","sha256":"\#(outer.sha256)""#.utf8), options: .backwards)?.lowerBound
        else { throw RecordError("is not the JSON form of a report") }
        let hash = SHA256.hash(data: json[opening.count..<end]).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
        guard hash == outer.sha256 else { throw RecordError("was changed: its hash is \(hash), not \(outer.sha256)") }
        guard let keys else { return nil }
        guard let signature = outer.signature else { throw RecordError("has no signature") }
        let verified = try keys.verify(Array(signature.utf8), type: .report)
        guard verified.key.role == .hub else {
            throw RecordError("was signed by '\(verified.key.name)', which is no hub's key")
        }
        let seal = try RecordJSON.decode(Seal.self, from: verified.payload)
        guard seal.sha256 == hash else { throw RecordError("has the signature of another report, of \(seal.week)") }
        return verified.key.name
    }
}
