// SPDX-License-Identifier: Apache-2.0

/// What a format makes of a message: what its transport carries. It holds no secret.
package struct Payload: Sendable, Equatable {
    /// The body's media type.
    package var contentType: String
    package var body: [UInt8]

    package init(contentType: String, body: [UInt8]) {
        self.contentType = contentType
        self.body = body
    }

    static func json(_ body: [UInt8]) -> Payload { Payload(contentType: "application/json", body: body) }
}
