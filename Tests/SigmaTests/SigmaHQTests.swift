// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sigma
import Testing
import YAMLDocument

private let sigmaHQ = ProcessInfo.processInfo.environment["GATEWATCH_SIGMAHQ"]

/// The public rules of SigmaHQ/sigma, which are not part of this repository. `GATEWATCH_SIGMAHQ=FOLDER` names a checkout.
@Suite("SigmaHQ's rules", .enabled(if: sigmaHQ != nil, "GATEWATCH_SIGMAHQ names no checkout"))
struct SigmaHQTests {
    @Test("load; what is refused is refused by the specification, and compile together")
    func load() throws {
        let root = try #require(sigmaHQ)
        let walk = FileManager.default.enumerator(atPath: root)
        var files: [String] = []
        while let name = walk?.nextObject() as? String {
            guard name.hasSuffix(".yml") else { continue }
            files.append("\(root)/\(name)")
        }
        var documents: [YAMLNode] = []
        var unread: [String] = []
        for file in files.sorted() {
            do throws(DocumentError) { documents += try YAMLReader.documents(path: file) } catch {
                unread.append("\(error)")
            }
        }
        let set = RuleSet(documents: documents)
        print(
            "files", files.count, "documents", documents.count, "detections", set.detections.count, "correlations",
            set.correlations.count)
        for e in unread { print("UNREAD", e) }
        for e in set.errors { print("ERR", e) }
        for e in set.warnings { print("WARN", e) }
    }
}
