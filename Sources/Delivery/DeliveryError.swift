// SPDX-License-Identifier: Apache-2.0

/// A delivery or target that cannot be accepted.
package enum DeliveryError: Error, Sendable, Equatable, CustomStringConvertible {
    case badTarget(name: String, reason: String)
    case duplicateTarget(name: String)
    case unknownTarget(name: String)
    case badMessageID(String)
    case bodyTooLarge(messageID: String, bytes: Int, limit: Int)

    package var description: String {
        switch self {
        case .badTarget(let name, let reason): "the delivery target \"\(name)\" cannot be used: \(reason)"
        case .duplicateTarget(let name): "two delivery targets are named \"\(name)\": rename one"
        case .unknownTarget(let name):
            "there is no delivery target named \"\(name)\": check the name against the configuration"
        case .badMessageID(let id):
            "\"\(id.prefix(80))\" cannot be a webhook-id: it must be 1 to 200 of A-Z a-z 0-9 _ -"
        case .bodyTooLarge(let id, let bytes, let limit):
            "the message \(id) has \(bytes) bytes; the outbox takes at most \(limit)"
        }
    }
}
