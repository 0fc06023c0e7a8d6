// SPDX-License-Identifier: Apache-2.0
import Foundation
import OIDC
import Testing

@Suite(.enabled(if: IssuerProcess.isPossible, "needs python3 with its package cryptography"))
struct MutatedTokenTests {
    /// Changes a text in a few random places.
    private func mutated(_ text: String, _ numbers: inout SeededNumbers) -> String {
        var bytes = Array(text.utf8)
        let alphabet = Array("{}[]\":,.\\u0000e-9tnAa_-= \n\u{0}é".utf8)
        for _ in 0..<Int.random(in: 1...4, using: &numbers) {
            let place = Int.random(in: 0...bytes.count, using: &numbers)
            switch Int.random(in: 0..<4, using: &numbers) {
            case 0: bytes.insert(alphabet.randomElement(using: &numbers) ?? 0, at: place)
            case 1 where place < bytes.count: bytes.remove(at: place)
            case 2 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &numbers)
            default:
                let end = min(bytes.count, place + Int.random(in: 0...20, using: &numbers))
                bytes.insert(contentsOf: bytes[place..<end], at: place)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `no mutation of a token passes, and none crashes`() async throws {
        try await Stage.with { stage in
            try await stage.addKey("p1", "P-256")
            try await stage.addKey("e1", "Ed25519")
            try await stage.publish()
            let tokens = try stage.tokenGuard(stage.settings(algorithms: ["RS256", "ES256", "EdDSA"]))
            let seed: UInt64 = 20_261_121
            var numbers = SeededNumbers(seed: seed)
            for (key, algorithm) in [("r1", "RS256"), ("p1", "ES256"), ("e1", "EdDSA")] {
                let good = try await stage.token(key, algorithm)
                #expect(await tokens.verify(good).reason == nil)
                for round in 0..<3500 {
                    let bad = mutated(good, &numbers)
                    guard bad != good else { continue }
                    #expect(
                        await tokens.verify(bad).reason != nil, "seed \(seed), \(algorithm), round \(round): \(bad)")
                    #expect(tokens.cached(bad) == nil)
                }
            }
        }
    }

    @Test func `no signed nonsense in header or payload crashes`() async throws {
        try await Stage.with { stage in
            let tokens = try stage.tokenGuard()
            var numbers = SeededNumbers(seed: 7)
            let header = "{\"alg\":\"RS256\",\"kid\":\"r1\",\"typ\":\"JWT\"}"
            let payload = try stage.claims()
            let parts = (0..<3000).map { index in
                index % 3 == 0 ? (mutated(header, &numbers), payload) : (header, mutated(payload, &numbers))
            }
            var refused = 0
            for (token, part) in zip(
                try await stage.issuer.sign(key: "r1", algorithm: "RS256", parts.map { (header: $0.0, payload: $0.1) }),
                parts)
            {
                switch await tokens.verify(token) {
                case .success(let principal):
                    // A mutation inside a value is as good as another value; JSON agrees that it is one.
                    #expect((try? JSONSerialization.jsonObject(with: Data(part.1.utf8))) != nil)
                    #expect(principal.issuer == stage.name())
                case .failure: refused += 1
                }
            }
            #expect(refused > 1000)
        }
    }
}
