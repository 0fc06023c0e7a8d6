import JSONText
// SPDX-License-Identifier: Apache-2.0
import Logging

/// The usable keys of one fetched JWKS (RFC 7517 section 5). Immutable.
struct KeySet: Sendable {
    /// Keys of a JWKS that are read, at most.
    private static let maximumKeys = 256

    /// By `kid`. One `kid` may stand for several keys of different algorithms (RFC 7517 section 4.5).
    private let keys: [String: [VerificationKey]]
    /// How many there are.
    let count: Int
    /// What tells this set from another.
    let fingerprint: Set<String>

    /// Reads the set key by key: one that cannot be used is left out and the others stay, as RFC 7517 section 5 wants.
    ///
    /// - Throws: ``IssuerFetchError`` if it is no JWKS at all.
    init(json: [UInt8], allowed: [SigningAlgorithm], logger: Logger) async throws {
        guard let members = try IssuerFetcher.object(json, what: "the JWKS")["keys"]?.list else {
            throw IssuerFetchError("the JWKS has no list of keys: is the URL right?")
        }
        guard members.count <= Self.maximumKeys else {
            throw IssuerFetchError("the JWKS has \(members.count) keys; at most \(Self.maximumKeys) are read")
        }
        var keys: [String: [VerificationKey]] = [:]
        var fingerprint: Set<String> = []
        for member in members {
            guard let jwk = member.members else { continue }
            let kid = SafeText.shown(jwk["kid"]?.text ?? "")
            do {
                let key = try await VerificationKey(jwk, allowed: allowed)
                guard keys[key.id]?.contains(where: { $0.algorithm == key.algorithm }) != true else {
                    logger.warning("a JWKS has two keys of one name: the first counts", metadata: ["kid": "\(kid)"])
                    continue
                }
                keys[key.id, default: []].append(key)
                fingerprint.insert("\(key.id) \(key.material)")
            } catch let error as VerificationKey.Unusable {
                logger.log(
                    level: error.isAlarming ? .warning : .debug, "a key of a JWKS is left out: it \(error.reason)",
                    metadata: ["kid": "\(kid)"])
            } catch {
                logger.debug(
                    "a key of a JWKS is left out: it cannot be read", metadata: ["kid": "\(kid)", "error": "\(error)"])
            }
        }
        self.keys = keys
        self.fingerprint = fingerprint
        count = fingerprint.count
    }

    /// The keys of that name; empty if there are none.
    func keys(named id: String) -> [VerificationKey] { keys[id] ?? [] }
}
