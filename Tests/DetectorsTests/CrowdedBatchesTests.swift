// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Detection
import Detectors
import Foundation
import Sigma
import Testing

/// Many things at once: the events of a batch are of few identities, each several times, and two partitions take turns with one
/// plan, commit now and then and go on in another process. The shipped detectors find what they find one event at a time.
@Suite("Shipped detectors in batches")
struct CrowdedBatchesTests {
    /// Of a row of the state.
    private struct Place: Hashable {
        let state: UInt64
        let key: [UInt8]
    }

    private static func event(_ random: inout SplitMix, _ number: Int, _ identity: String, _ time: Int64) -> String {
        let user =
            #"{"uid":"\#(identity)","email_addr":"\#(identity)@example.com","type":"User","type_id":1,"groups":[{"name":"inference"}]}"#
        let head = #""metadata":{"uid":"e-\#(number)","version":"1.6.0"},"time":\#(time),"#
        let source = #""src_endpoint":{"ip":"127.0.0.1"}"#
        switch random.pick([0, 0, 0, 0, 0, 0, 1, 2, 2, 3, 4]) {
        case 0:
            return
                #"{\#(head)"class_uid":3002,"category_uid":3,"activity_id":1,"status_id":2,"status_detail":"wrong audience","user":\#(user),\#(source)}"#
        case 1:
            return
                #"{\#(head)"class_uid":3002,"category_uid":3,"activity_id":1,"status_id":1,"status_detail":"authenticated","user":\#(user),\#(source)}"#
        case 2:
            return
                #"{\#(head)"class_uid":6003,"category_uid":6,"activity_id":2,"status_id":1,"actor":{"user":\#(user)},\#(source),"api":{"operation":"embeddings.create","service":{"name":"embeddings-prod"}},"unmapped":{"items":1},"http_response":{"code":200,"length":200}}"#
        case 3:
            return
                #"{\#(head)"class_uid":6003,"category_uid":6,"activity_id":2,"status_id":1,"actor":{"user":\#(user)},\#(source),"api":{"operation":"corpus.read","service":{"name":"training-corpus"}},"resources":[{"type":"corpus","name":"part-\#(number % 7)"}],"http_response":{"code":200,"length":2000}}"#
        default:
            return
                #"{\#(head)"class_uid":6003,"category_uid":6,"activity_id":2,"status_id":1,"actor":{"user":\#(user)},\#(source),"api":{"operation":"checkpoint.download","service":{"name":"model-registry"}},"resources":[{"type":"checkpoint","name":"llm-\#(number % 5)"}],"http_response":{"code":200,"length":20000}}"#
        }
    }

    private static func words(_ alerts: [Alert]) -> [String] {
        alerts.map { "\($0.ruleName) \($0.identity ?? "") \($0.id) \($0.time) \($0.relatedEvents)" }
    }

    @Test("find what they find one by one", arguments: 0..<30)
    func same(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let setup = try DetectorSetup(
            Shipped.files.get(), mapping: .named("ocsf"),
            directory: IdentityDirectory(path: Shipped.root.appending(path: "fixtures/identities.csv").path))
        var time: Int64 = 1_795_341_000_000
        var runs: [(partition: Int, events: [[UInt8]])] = []
        var number = 0
        for _ in 0..<60 {
            let partition = random.pick([0, 1])
            let identities = (0..<3).map { _ in
                "u-0\(random.pick([0, 1]))\(random.pick([7, 8]))\(random.pick([0, 1, 2]))"
            }
            let run = (0..<Int.random(in: 1...40, using: &random)).map { _ in
                number += 1
                time += random.pick([0, 0, 1, 5, 20, 400])
                // A partition has its own identities.
                let identity = random.pick(identities) + (partition == 0 ? "" : "x")
                return Array(Self.event(&random, number, identity, time).utf8)
            }
            runs.append((partition, run))
        }
        // One by one.
        var expected: [[String]] = []
        for partition in 0..<2 {
            let plan = try setup.plan()
            let engine = Engine(plan: plan)
            var found: [Alert] = []
            for run in runs where run.partition == partition {
                for event in run.events {
                    try event.withUnsafeBytes { try engine.process(plan.decoder.decode($0, fallbackUID: .missing)) }
                    found += engine.takeAlerts()
                }
            }
            expected.append(Self.words(found))
        }
        // In batches, with one plan.
        let plan = try setup.plan()
        var engines = [Engine(plan: plan), Engine(plan: plan)]
        // What the pipeline would have on disk.
        var rows: [[Place: [UInt8]]] = [[:], [:]]
        var found: [[Alert]] = [[], []]
        for run in runs {
            let bytes = run.events.map { event in
                let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: event.count, alignment: 1)
                copy.copyBytes(from: event)
                return UnsafeRawBufferPointer(copy)
            }
            defer { for event in bytes { event.deallocate() } }
            for start in stride(from: 0, to: bytes.count, by: EventDecoder.kept) {
                let views = try bytes[start..<min(start + EventDecoder.kept, bytes.count)].map {
                    try plan.decoder.decode($0, fallbackUID: .missing)
                }
                views.withUnsafeBufferPointer { engines[run.partition].process($0) { #expect($1 == nil, "\($0)") } }
            }
            found[run.partition] += engines[run.partition].takeAlerts()
            // A commit, and sometimes another process that goes on from it.
            if random.chance(50) {
                let engine = engines[run.partition]
                for change in engine.takeChanges() {
                    rows[run.partition][Place(state: change.state, key: change.key)] = change.value
                }
                if random.chance(30) {
                    let state = EngineState(
                        newest: engine.newest,
                        rows: rows[run.partition].map { .init(state: $0.key.state, key: $0.key.key, value: $0.value) })
                    engines[run.partition] = Engine(plan: plan)
                    #expect(engines[run.partition].restore(state) == 0)
                }
            }
        }
        #expect(expected.map(\.count).min() ?? 0 > 5)
        #expect(found.map(Self.words) == expected)
    }
}
