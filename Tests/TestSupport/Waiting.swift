// SPDX-License-Identifier: Apache-2.0

import Foundation
package import Logging

/// For what logs beside the point.
package let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Waits until a condition holds; false if a generous deadline passed first.
package func eventually(seconds: Double = 120, _ condition: () async throws -> Bool) async throws -> Bool {
    let deadline = Date().addingTimeInterval(seconds)
    while try await !condition() {
        if Date() > deadline { return false }
        try await Task.sleep(for: .milliseconds(10))
    }
    return true
}
