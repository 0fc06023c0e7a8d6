// SPDX-License-Identifier: Apache-2.0
import Logging
import Metrics
import Synchronization

/// The keys of one issuer: fetched, kept fresh, and given up when they are too old.
///
/// Times are ms since the epoch, by the guard's clock.
final class IssuerKeys: Sendable {
    /// Bounds for how long a JWKS is fresh, whatever its `Cache-Control` says, and the value without one.
    static let freshness: ClosedRange<Int64> = 5 * 60_000...24 * 3_600_000
    static let defaultFreshness: Int64 = 15 * 60_000
    /// How long keys are used past their freshness while no other JWKS can be fetched.
    static let maximumStaleness: Int64 = 24 * 3_600_000
    /// While keys are there, at most one fetch on demand in this time.
    static let demandInterval: Int64 = 30_000
    /// How long a name that no key has is remembered, and how many of them.
    static let unknownLifetime: Int64 = 60_000
    static let maximumUnknown = 1024

    /// What a token's header gets.
    enum Lookup {
        case key(VerificationKey, generation: UInt64)
        /// There is such a key, for another algorithm.
        case otherAlgorithm
        case unknown
        /// Nothing can be said: the keys were never there, are too old, or the fetch for an unknown name failed.
        case unavailable(String)
    }

    private struct State {
        var set: KeySet?
        var generation: UInt64 = 0
        var fetchedAt: Int64?
        /// When the next background fetch is due.
        var refreshAt = Int64.min
        var lastAttemptAt: Int64?
        var failures = 0
        var lastError: String?
        var flight: Task<Void, Never>?
        var discovered: (uri: String, at: Int64)?
        /// Names that a fresh JWKS did not have, and until when that is believed.
        var unknown: [String: Int64] = [:]
    }

    private let issuer: String
    private let algorithms: [SigningAlgorithm]
    let fetcher: IssuerFetcher
    private let logger: Logger
    private let now: @Sendable () -> Int64
    private let state = Mutex(State())
    /// Copies for the hot path, which takes no lock that a fetch could hold.
    private let currentGeneration = Atomic<UInt64>(0)
    private let currentUsableUntil = Atomic<Int64>(Int64.min)
    private let fetched: Counter
    private let failed: Counter
    private let keyGauge: Gauge

    init(
        issuer: String, algorithms: [SigningAlgorithm], fetcher: IssuerFetcher, logger: Logger,
        now: @escaping @Sendable () -> Int64
    ) {
        self.issuer = issuer
        self.algorithms = algorithms
        self.fetcher = fetcher
        self.logger = logger
        self.now = now
        func counter(_ result: String) -> Counter {
            Counter(label: "gatewatch_jwks_fetches_total", dimensions: [("issuer", issuer), ("result", result)])
        }
        fetched = counter("ok")
        failed = counter("failed")
        keyGauge = Gauge(label: "gatewatch_jwks_keys", dimensions: [("issuer", issuer)])
    }

    /// True if what that generation of keys verified still counts. The generation changes with the set of keys, not
    /// with every fetch.
    func isCurrent(_ generation: UInt64, at now: Int64) -> Bool {
        generation == currentGeneration.load(ordering: .acquiring)
            && now < currentUsableUntil.load(ordering: .acquiring)
    }

    /// The key for a token's header, fetching the JWKS if the name is new and the rate allows.
    func key(named id: String, for algorithm: SigningAlgorithm) async -> Lookup {
        switch lookup(id, algorithm) {
        case .key(let key, let generation): return .key(key, generation: generation)
        case .otherAlgorithm: return .otherAlgorithm
        case .unknown, .unavailable: break
        }
        guard let flight = flight(for: id) else { return lookup(id, algorithm) }
        await flight.value
        let found = lookup(id, algorithm)
        if case .unknown = found { remember(unknown: id) }
        return found
    }

    private func lookup(_ id: String, _ algorithm: SigningAlgorithm) -> Lookup {
        let now = now()
        return state.withLock { state in
            guard let set = state.set else { return .unavailable(state.lastError ?? "no keys were fetched yet") }
            guard now < currentUsableUntil.load(ordering: .relaxed) else {
                return .unavailable("the keys are too old; \(state.lastError ?? "no newer ones were fetched")")
            }
            let keys = set.keys(named: id)
            if let key = keys.first(where: { $0.algorithm == algorithm }) {
                return .key(key, generation: state.generation)
            }
            if !keys.isEmpty { return .otherAlgorithm }
            // The name may be one that we could not hear of.
            return state.failures == 0 ? .unknown : .unavailable(state.lastError ?? "the last fetch failed")
        }
    }

    private func remember(unknown id: String) {
        let now = now()
        state.withLock { state in
            guard state.unknown[id] == nil else { return }
            if state.unknown.count >= Self.maximumUnknown { state.unknown = state.unknown.filter { $0.value > now } }
            guard state.unknown.count < Self.maximumUnknown else { return }
            state.unknown[id] = now + Self.unknownLifetime
        }
    }
}

// MARK: - Fetching

extension IssuerKeys {
    /// How long to wait after so many failures in a row, in ms.
    private static func pause(failures: Int, hasKeys: Bool) -> Int64 {
        let doublings = min(max(0, failures - 1), 5)
        // With nothing to verify by, every second counts.
        return hasKeys ? min(300_000, 30_000 << doublings) : min(30_000, 1_000 << doublings)
    }

    /// The fetch that a token with this key's name should wait for: the one under way, or a new one if the rate allows.
    private func flight(for id: String) -> Task<Void, Never>? {
        let now = now()
        return state.withLock { state in
            if let flight = state.flight { return flight }
            if let last = state.lastAttemptAt {
                let isUsable = state.set != nil && now < currentUsableUntil.load(ordering: .relaxed)
                let pause = isUsable ? Self.demandInterval : Self.pause(failures: state.failures, hasKeys: false)
                // Far in the "future": the clock was put back.
                guard now - last >= pause || last - now > pause else { return nil }
                if isUsable, let until = state.unknown[id], now < until { return nil }
            }
            return start(&state, now)
        }
    }

    /// A background fetch, if one is due.
    private func dueFlight() -> Task<Void, Never>? {
        let now = now()
        return state.withLock { state in
            if let flight = state.flight { return flight }
            let isClockBack = (state.lastAttemptAt ?? now) - now > Self.demandInterval
            guard now >= state.refreshAt || isClockBack else { return nil }
            return start(&state, now)
        }
    }

    /// Unstructured, because it serves every request that waits, and none of them may end it for the others. It ends by
    /// itself: both exchanges have timeouts.
    private func start(_ state: inout State, _ now: Int64) -> Task<Void, Never> {
        state.lastAttemptAt = now
        let flight = Task { await fetch() }
        state.flight = flight
        return flight
    }

    private func fetch() async {
        let started = now()
        do {
            let known: String? = state.withLock { state in
                guard state.failures == 0, let found = state.discovered,
                    (0..<IssuerFetcher.discoveryLifetime).contains(started - found.at)
                else { return nil }
                return found.uri
            }
            let uri: String
            if let known { uri = known } else { uri = try await fetcher.discover() }
            let document = try await fetcher.get(uri)
            let set = try await KeySet(json: document.body, allowed: algorithms, logger: logger)
            take(set, maximumAge: document.maximumAge, discovered: known == nil ? uri : nil)
        } catch {
            fail(String(describing: error))
        }
    }

    private func take(_ set: KeySet, maximumAge: Int64?, discovered uri: String?) {
        let now = now()
        let wanted = maximumAge.map { min($0, Self.freshness.upperBound / 1000) * 1000 } ?? Self.defaultFreshness
        let fresh = min(max(wanted, Self.freshness.lowerBound), Self.freshness.upperBound)
        let (change, failures) = state.withLock { state in
            let isNew = state.set?.fingerprint != set.fingerprint
            let failures = state.failures
            if isNew {
                state.set = set
                state.generation += 1
                state.unknown = [:]
                currentGeneration.store(state.generation, ordering: .releasing)
            }
            currentUsableUntil.store(now + fresh + Self.maximumStaleness, ordering: .releasing)
            state.fetchedAt = now
            // Before the old ones are stale, so that no request waits.
            state.refreshAt = now + fresh - fresh / 10
            state.failures = 0
            state.lastError = nil
            if let uri { state.discovered = (uri, now) }
            state.flight = nil
            return (isNew, failures)
        }
        fetched.increment()
        keyGauge.record(set.count)
        if change || failures > 0 {
            logger.notice(
                "the keys of an issuer were fetched",
                metadata: ["issuer": "\(issuer)", "keys": "\(set.count)", "changed": "\(change)"])
        }
        if set.count == 0 {
            logger.warning(
                "an issuer has no usable key: all its tokens are refused; compare its JWKS with the allowed algorithms",
                metadata: ["issuer": "\(issuer)"])
        }
    }

    private func fail(_ reason: String) {
        let now = now()
        state.withLock { state in
            state.failures += 1
            state.lastError = reason
            state.refreshAt = now + Self.pause(failures: state.failures, hasKeys: state.set != nil)
            state.flight = nil
        }
        failed.increment()
        logger.warning(
            "the keys of an issuer could not be fetched", metadata: ["issuer": "\(issuer)", "error": "\(reason)"])
    }

    /// Fetches whenever it is due, until the task is cancelled.
    func keepFresh() async {
        while !Task.isCancelled {
            if let flight = dueFlight() {
                await withTaskCancellationHandler {
                    await flight.value
                } onCancel: {
                    // The process goes down: nobody is left to wait for it.
                    flight.cancel()
                }
            }
            // Short, because the guard's clock need not run as the system's does.
            try? await Task.sleep(for: .milliseconds(250))
        }
    }

    /// How it stands.
    var health: IssuerHealth {
        let now = now()
        return state.withLock { state in
            let usableUntil = currentUsableUntil.load(ordering: .relaxed)
            return IssuerHealth(
                issuer: issuer, isUsable: (state.set?.count ?? 0) > 0 && now < usableUntil,
                keyCount: state.set?.count ?? 0, fetchedAt: state.fetchedAt,
                usableUntil: state.set == nil ? nil : usableUntil, lastError: state.lastError)
        }
    }
}
