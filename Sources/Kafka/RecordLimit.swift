// SPDX-License-Identifier: Apache-2.0

/// How large a record may be by default; `message.max.bytes` replaces it. The topic's `max.message.bytes` must allow it too.
package enum RecordLimit {
    /// The largest record, in bytes: 16 MiB.
    package static let recordBytes = 16 << 20
    /// The same with room for key, headers and the batch around it, in bytes.
    package static let requestBytes = recordBytes + (64 << 10)
}
