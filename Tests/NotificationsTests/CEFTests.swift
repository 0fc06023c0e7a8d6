// SPDX-License-Identifier: Apache-2.0
import Foundation
import Notifications
import Testing

@Suite struct CEFTests {
    private let format = MessageFormat.cef(CEFFormat(host: "hub-1 \u{FC}", version: "0.1.0"))

    /// Frames by their count of octets (RFC 5425 section 4.3), as bytes: a count that is off is seen.
    private func frames(_ payload: Payload?) throws -> [String] {
        var rest = (payload?.body ?? [])[...]
        var frames: [String] = []
        while !rest.isEmpty {
            let digits = rest.prefix { $0 != 0x20 }
            let count = try #require(Int(String(decoding: digits, as: UTF8.self)))
            rest = rest.dropFirst(digits.count + 1)
            try #require(rest.count >= count)
            frames.append(try #require(String(validating: rest.prefix(count), as: UTF8.self)))
            rest = rest.dropFirst(count)
        }
        return frames
    }

    private func parsed(_ frame: String) -> (header: [String], fields: [String: String])? {
        frame.range(of: "CEF:0").flatMap { parse(String(frame[$0.lowerBound...])) }
    }

    /// Reads a CEF line as its description has it: seven bars that are not escaped, then key=value.
    private func parse(_ line: String) -> (header: [String], fields: [String: String])? {
        var header = [""]
        var scalars = line.unicodeScalars[...]
        while header.count < 8, let scalar = scalars.popFirst() {
            if scalar == "\\", let next = scalars.popFirst() {
                guard next == "\\" || next == "|" else { return nil }
                header[header.count - 1].unicodeScalars.append(next)
            } else if scalar == "|" {
                header.append("")
            } else {
                header[header.count - 1].unicodeScalars.append(scalar)
            }
        }
        guard header.count == 8 else { return nil }
        header.removeLast()
        var fields: [String: String] = [:]
        var key: String?
        var word = "", value = ""
        while let scalar = scalars.popFirst() {
            if scalar == "\\", let next = scalars.popFirst() {
                guard "\\=n".unicodeScalars.contains(next) else { return nil }
                word.unicodeScalars.append(next == "n" ? "\n" : next)
            } else if scalar == "=" {
                if let key { fields[key] = String(value.dropLast()) }
                key = word
                word = ""
                value = ""
            } else if scalar == " " {
                value += word + " "
                word = ""
            } else {
                word.unicodeScalars.append(scalar)
            }
        }
        if let key { fields[key] = value + word }
        return (header, fields)
    }

    @Test func aLineSaysWhatTheAlertSays() throws {
        let frame = try #require(frames(format.payload(message())).first)
        #expect(frame.hasPrefix("<107>1 2026-11-18T11:07:40.000Z hub-1 gatewatch - alert - CEF:0|"))
        let line = try #require(parsed(frame))
        #expect(
            line.header == ["CEF:0", "Gatewatch", "Gatewatch", "0.1.0", "gw_bulk_vectors", "Bulk pull of vectors", "8"])
        let expected = [
            "rt": "1795000000123", "externalId": "f-1", "suser": "u-0180", "src": "192.0.2.7", "act": "lockdown",
            "outcome": "issued", "reason": "over the floor", "cat": "vectors.query",
            "destinationServiceName": "vectors-prod", "cnt": "2", "cs1": "inc-7", "cs1Label": "Incident",
            "cs2": "T1567.002", "cs2Label": "Techniques", "cs3": "ord-1", "cs3Label": "Order",
            "cs4": "gw_bulk 40.5 (3 alerts) + gw_new 40", "cs4Label": "Risk terms",
            "cs5": "https://gatewatch.example.com/incidents/inc-7", "cs5Label": "Incident URL", "cfp1": "81.0",
            "cfp1Label": "Risk", "msg": "4,000 vectors in 10 min",
        ]
        #expect(line.fields == expected)
    }

    @Test func noFieldBreaksOutOfItsPlace() throws {
        let keys = Set(
            [
                "rt", "externalId", "suser", "src", "act", "outcome", "reason", "cat", "destinationServiceName", "cnt",
                "msg",
            ]
                + ["c6a2", "c6a2Label", "cfp1", "cfp1Label"]
                + (1...5).flatMap { ["cs\($0)", "cs\($0)Label"] })
        for message in hostileMessages where message.status == .firing || message.status == .test {
            let frames = try frames(format.payload(message))
            #expect(frames.count == message.alerts.count)
            for frame in frames.prefix(3) {
                #expect(frame.utf8.count <= 8_192)
                #expect(!frame.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) })
                let line = try #require(parsed(frame), "\(frame)")
                #expect(line.header.count == 7 && Set(line.fields.keys).isSubset(of: keys), "\(frame.prefix(300))")
                #expect((line.fields["msg"]?.utf16.count ?? 0) <= 1_023)
            }
        }
        let hostile = message(.firing, [finding(probe: "a|b\\c=d\ne")])
        let frame = try #require(frames(format.payload(hostile)).first)
        let line = try #require(parsed(frame))
        #expect(line.header[4] == "a|b\\c=d e" && line.fields["msg"] == "a|b\\c=d\ne")
    }

    @Test(arguments: zip(0...6, [0, 1, 3, 5, 8, 10, 10]))
    func severityInCEF(id: Int, severity: Int) throws {
        let frame = try #require(frames(format.payload(message(.firing, [finding(severity: id)]))).first)
        #expect(frame.contains("|\(severity)|rt="))
    }

    @Test func aSIEMHearsOfAlertsOnly() {
        #expect(format.payload(message(.resolved)) == nil && format.payload(message(.acknowledged)) == nil)
        #expect(format.payload(message(.firing, [])) == nil)
    }
}
