// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// Which part of a list.
struct PageOptions: ParsableArguments {
    @Option(help: "At most so many.")
    var limit = 100
    @Option(help: "Go on where the list before ended.")
    var cursor: String?

    /// Says how to go on.
    static func tellMore(_ next: String?) {
        if let next { Terminal.error("more with --cursor \(Terminal.clean(next))") }
    }
}
