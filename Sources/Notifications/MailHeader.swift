// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Encodings of mail: words of headers (RFC 2047), quoted-printable bodies (RFC 2045 section 6.7), dates (RFC 5322 section 3.3).
enum MailHeader {
    /// The text of an unstructured header: as it is if it is short printable ASCII, else in encoded words with folds between.
    static func text(_ text: String) -> String {
        let text = Escaping.plain(text)
        let isPlain =
            text.utf8.count <= 60 && text.utf8.allSatisfy { (0x20...0x7E).contains($0) } && !text.contains("=?")
        return isPlain ? text : encodedWords(text)
    }

    /// Base64 words of at most 75 characters, none of which cuts a character.
    static func encodedWords(_ text: String) -> String {
        var words: [String] = []
        var bytes: [UInt8] = []
        func flush() {
            words.append("=?UTF-8?B?\(Data(bytes).base64EncodedString())?=")
            bytes = []
        }
        for scalar in text.unicodeScalars {
            let next = Array(String(scalar).utf8)
            // 45 bytes are 60 characters of base64, and 12 around them.
            if bytes.count + next.count > 45 { flush() }
            bytes += next
        }
        if !bytes.isEmpty { flush() }
        return words.joined(separator: "\r\n ")
    }

    /// Lines of at most 76 characters; line feeds become CRLF, everything else that is not printable ASCII is encoded.
    static func quotedPrintable(_ text: String) -> String {
        var result = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            var length = 0
            let bytes = Array(line.utf8)
            for (index, byte) in bytes.enumerated() {
                let isLast = index == bytes.count - 1
                let isPlain = (0x21...0x7E).contains(byte) && byte != 0x3D || byte == 0x20 && !isLast
                let piece = isPlain ? String(UnicodeScalar(byte)) : "=" + hex(byte)
                if length + piece.count > 75 {
                    result += "=\r\n"
                    length = 0
                }
                result += piece
                length += piece.count
            }
            result += "\r\n"
        }
        return result
    }

    /// `Sat, 21 Nov 2026 11:35:14 +0000`.
    static func date(_ milliseconds: Int64) -> String {
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let date = Date(timeIntervalSince1970: Double(milliseconds / 1000))
        let parts = calendar.dateComponents([.year, .month, .day, .hour, .minute, .second, .weekday], from: date)
        func pad(_ value: Int?) -> String {
            let text = String(value ?? 0)
            return text.count < 2 ? "0" + text : text
        }
        let day = days[((parts.weekday ?? 1) - 1) % 7]
        let month = months[((parts.month ?? 1) - 1) % 12]
        return "\(day), \(pad(parts.day)) \(month) \(parts.year ?? 1970) "
            + "\(pad(parts.hour)):\(pad(parts.minute)):\(pad(parts.second)) +0000"
    }

    /// What may stand before the `@` of a Message-ID: an id of `[A-Za-z0-9._-]` as it is, another one in hex digits, a long one
    /// by a hash of its own.
    static func idText(_ id: String) -> String {
        let isPlain = id.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == 0x2D || byte == 0x5F
        }
        if isPlain, !id.isEmpty, id.utf8.count <= 180 { return id }
        return "x" + PagerDutyFormat.sha256(id)
    }

    private static func hex(_ byte: UInt8) -> String {
        let text = String(byte, radix: 16, uppercase: true)
        return byte < 16 ? "0" + text : text
    }
}
