// SPDX-License-Identifier: Apache-2.0

/// The `webhook-id` of an alert, made from its id alone, so that every run and every hub makes the same.
enum MessageID {
    /// The outbox's limit.
    private static let maximumBytes = 200

    /// `msg_` and the id, if the id has only `[A-Za-z0-9_-]`. Else `msgx_` and the id with every other byte, and `_`, as `_`
    /// and two hex digits: different ids stay different. Nil if the id is empty or the result too long.
    static func make(_ id: String) -> String? {
        guard !id.isEmpty, id.utf8.count <= maximumBytes else { return nil }
        var text: String
        if id.utf8.allSatisfy({ isPlain($0) || $0 == UInt8(ascii: "_") }) {
            text = "msg_" + id
        } else {
            text = "msgx_"
            for byte in id.utf8 {
                if isPlain(byte) {
                    text.unicodeScalars.append(Unicode.Scalar(byte))
                } else {
                    text += byte < 16 ? "_0" : "_"
                    text += String(byte, radix: 16)
                }
            }
        }
        return text.utf8.count <= maximumBytes ? text : nil
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
