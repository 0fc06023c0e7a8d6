// SPDX-License-Identifier: Apache-2.0

package import Detectors
import Dispatch
import Foundation
import Kafka
package import Logging
import ServiceLifecycle
import Sigma
import Synchronization
package import Telemetry

/// What the threads of one detector process share.
final class DetectShared: Sendable {
    private struct State {
        var generation: DetectorGeneration
        var beats: [Int: ContinuousClock.Instant] = [:]
        var storeError: String?
        var failure: (any Error)?
        var running = 0
    }

    let settings: DetectSettings
    let metrics = DetectMetrics()
    /// Nil where rules only alert.
    let responder: Responder?
    let dismissals = Dismissals()
    private let stopping = Atomic(false)
    /// Records whose offset is committed, and alerts that arose, in this process.
    let committedRecords = Atomic(0)
    let alertCount = Atomic(0)
    private let state: Mutex<State>

    init(settings: DetectSettings, detectors: DetectorFiles, logger: Logger) {
        self.settings = settings
        responder = settings.enforcement.map { [metrics] in
            Responder(settings: $0, metrics: metrics, logger: logger)
        }
        state = Mutex(State(generation: DetectorGeneration(number: 1, files: detectors)))
    }

    var isStopping: Bool { stopping.load(ordering: .acquiring) }
    func stop() { stopping.store(true, ordering: .releasing) }

    var generation: DetectorGeneration { state.withLock { $0.generation } }

    func replace(_ detectors: DetectorFiles) {
        state.withLock { $0.generation = DetectorGeneration(number: $0.generation.number + 1, files: detectors) }
    }

    var storeError: String? {
        get { state.withLock { $0.storeError } }
        set { state.withLock { $0.storeError = newValue } }
    }

    /// Ends the process: something that cannot get better by itself.
    func fail(_ error: any Error) {
        state.withLock { if $0.failure == nil { $0.failure = error } }
        stop()
    }

    var failure: (any Error)? { state.withLock { $0.failure } }

    func beat(_ worker: Int) { state.withLock { $0.beats[worker] = .now } }

    /// Workers that have not come round for half a minute.
    var silentWorkers: [Int] {
        state.withLock { state in
            state.beats.filter { ContinuousClock.now - $0.value > .seconds(30) }.map(\.key).sorted()
        }
    }
}

/// The detector process: consumes audit events, runs the detectors, emits alerts.
package final class DetectService: Service {
    private let shared: DetectShared
    private let logger: Logger

    package init(settings: DetectSettings, detectors: DetectorFiles, logger: Logger) {
        shared = DetectShared(settings: settings, detectors: detectors, logger: logger)
        self.logger = logger
    }

    /// Puts other detectors in force, between two events of each partition.
    package func reload(_ detectors: DetectorFiles) {
        shared.replace(detectors)
        logger.notice(
            "detectors reloaded: \(detectors.rules.detections.count) detections, \(detectors.rules.correlations.count) correlations"
        )
    }

    /// Records taken and committed since the start of the process.
    package var committedRecords: Int { shared.committedRecords.load(ordering: .acquiring) }
    /// Alerts that arose and were committed since the start of the process.
    package var alertCount: Int { shared.alertCount.load(ordering: .acquiring) }

    /// Alerts that people have called false or benign, as far as the topic of feedback was read.
    package var dismissedAlerts: Int { shared.dismissals.count }

    /// Whether all threads run and the state can be written.
    package func health() -> HealthReport {
        let silent = shared.silentWorkers
        let error = shared.storeError
        return HealthReport([
            .init(
                "workers", healthy: silent.isEmpty,
                detail: silent.isEmpty ? "all run" : "no sign of life from \(silent) for 30 s"),
            .init("state", healthy: error == nil, detail: error ?? "writable"),
        ])
    }

    /// Runs until the graceful shutdown; then drains, commits and leaves the group. Throws when a thread cannot go on.
    package func run() async throws {
        // What goes out is alerts and orders: none waits for company.
        let properties = KafkaProperties(["linger.ms": "0"]).merging(shared.settings.kafka)
        let producer = try KafkaProducer(properties: properties, logger: logger)
        let shared = shared
        let feedback = FeedbackFollower(settings: shared.settings, dismissals: shared.dismissals, logger: logger)
        feedback.start()
        Self.connect(
            producer, to: [shared.settings.alertsTopic, shared.settings.enforcement?.ordersTopic].compactMap(\.self))
        await withTaskCancellationOrGracefulShutdownHandler {
            await withCheckedContinuation { continuation in
                Self.start(shared, producer, logger) { continuation.resume() }
            }
        } onCancelOrGracefulShutdown: {
            shared.stop()
        }
        await feedback.stop()
        producer.close()
        if let failure = shared.failure { throw failure }
    }

    /// Has the producer look for its topics' leaders now: librdkafka connects when it first needs to, which would cost the first order
    /// up to a second. A broker that is away is found later, as always.
    private static func connect(_ producer: KafkaProducer, to topics: [String]) {
        Thread.detachNewThread {
            for topic in topics { _ = try? producer.endOffsets(of: topic) }
        }
    }

    /// One plain thread per worker: no actor hops, and state that only its thread touches.
    private static func start(
        _ shared: DetectShared, _ producer: KafkaProducer, _ logger: Logger, _ done: @escaping @Sendable () -> Void
    ) {
        let running = ThreadCount(shared.settings.workers)
        for number in 0..<shared.settings.workers {
            let thread = Thread {
                do {
                    try DetectWorker(number: number, shared: shared, producer: producer, logger: logger).run()
                } catch {
                    logger.critical("worker \(number) ends: \(error)")
                    shared.fail(error)
                }
                if running.decrement() == 0 { done() }
            }
            thread.name = "detect-\(number)"
            thread.stackSize = 4 << 20
            thread.start()
        }
    }
}

/// How many threads still run.
private final class ThreadCount: Sendable {
    private let value: Atomic<Int>

    init(_ value: Int) {
        self.value = Atomic(value)
    }

    func decrement() -> Int {
        value.subtract(1, ordering: .acquiringAndReleasing).newValue
    }
}
