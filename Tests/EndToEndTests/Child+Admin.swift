// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// What the admin port says.
extension Child {
    /// Asks the admin port, whose number the log names.
    func get(_ path: String) async throws -> (status: Int, body: String) {
        try await waitForLog("health and metrics on http://")
        let address = try #require(errors.firstMatch(of: /health and metrics on (http:\/\/[0-9.:]+)/)).output.1
        let url = try #require(URL(string: "\(address)/\(path)"))
        let (body, response) = try await URLSession.shared.data(from: url)
        return ((response as? HTTPURLResponse)?.statusCode ?? 0, String(decoding: body, as: UTF8.self))
    }

    func metrics() async throws -> String {
        try await get("metrics").body
    }

    /// The sum of all series of a metric whose labels contain a text; 0 without any.
    func metric(_ name: String, labels: String? = nil) async throws -> Double {
        try await metrics().split(separator: "\n").filter { line in
            (line.hasPrefix(name + " ") || line.hasPrefix(name + "{")) && (labels.map { line.contains($0) } ?? true)
        }.compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
    }
}
