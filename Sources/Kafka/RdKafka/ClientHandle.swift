// SPDX-License-Identifier: Apache-2.0

import CRdKafka

/// One running librdkafka client: destroyed when the last owner lets go.
///
/// `@unchecked Sendable`: librdkafka's functions are thread-safe on an `rd_kafka_t`, and both fields are constants.
/// What in the context is not thread-safe is touched by the polling thread only (see `ConsumerContext`).
final class ClientHandle: @unchecked Sendable {
    let pointer: OpaquePointer
    /// The opaque pointer of the client's callbacks: must live until `rd_kafka_destroy` has returned.
    private let context: ClientContext

    init(_ pointer: OpaquePointer, context: ClientContext) {
        self.pointer = pointer
        self.context = context
    }

    deinit {
        rd_kafka_destroy(pointer)
        withExtendedLifetime(context) {}
    }
}
