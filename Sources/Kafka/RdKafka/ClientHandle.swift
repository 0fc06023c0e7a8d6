// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Synchronization

/// One running librdkafka client: destroyed when the last owner lets go.
///
/// `@unchecked Sendable`: librdkafka's functions are thread-safe on an `rd_kafka_t`, and every field is a constant.
/// What in the context is not thread-safe is touched by the polling thread only (see `ConsumerContext`).
final class ClientHandle: @unchecked Sendable {
    let pointer: OpaquePointer
    /// The opaque pointer of the client's callbacks: must live until `rd_kafka_destroy` has returned.
    private let context: ClientContext
    private let isAbandoned = Atomic(false)

    init(_ pointer: OpaquePointer, context: ClientContext) {
        self.pointer = pointer
        self.context = context
    }

    /// Leaves the client's memory and threads to the end of the process, because destroying it would end it now.
    func abandon() { isAbandoned.store(true, ordering: .releasing) }

    deinit {
        if isAbandoned.load(ordering: .acquiring) {
            // Its threads may still call back.
            _ = Unmanaged.passRetained(context)
            return
        }
        rd_kafka_destroy(pointer)
        withExtendedLifetime(context) {}
    }
}
