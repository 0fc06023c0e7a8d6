// SPDX-License-Identifier: Apache-2.0

package import Foundation
import Kafka
import Synchronization

extension Process {
    /// Runs it, never while an embedded broker of this process changes its sockets (`EmbeddedBroker.sockets`). The one way in which tests start
    /// a program.
    ///
    /// - Throws: what `run()` throws.
    package func start() throws {
        try EmbeddedBroker.sockets.withLock { _ in try run() }
    }
}
