// SPDX-License-Identifier: Apache-2.0

import Children
import Fixtures
import Foundation
import Testing

extension DetectEndToEnd {
    /// What the processes need goes away and comes back.
    @Suite struct Outages {
        @Test func aBrokerThatStopsForTwentySecondsLosesNothing() async throws {
            try await Receiver.with { receiver in
                try await Stage.with { stage in
                    let day = try Day(stage)
                    let expected = Set(try await day.backtest(stage, day.events))
                    let broker = try await stage.startBroker()
                    let producer = try stage.makeProducer()
                    let detect = try stage.startDetect(day.arguments)
                    let hub = try stage.startHub(receiver.url)
                    try await stage.waitUntilReading(detect)
                    let half = day.events.count / 2
                    try producer.send(day.events[..<half])
                    try await eventually("the first alerts are delivered") { !receiver.findings.isEmpty }

                    broker.signal(SIGSTOP)
                    // Longer than the sessions of 6 s: the broker puts every member out of its group when it wakes.
                    try await Task.sleep(for: .seconds(20))
                    #expect(detect.exit == nil && hub.exit == nil)
                    #expect(try await detect.get("healthz").status == 200)
                    #expect(try await hub.get("healthz").status == 200)
                    broker.signal(SIGCONT)

                    try producer.send(day.events[half...])
                    try await eventually(
                        "every alert is delivered; missing: \(expected.subtracting(receiver.findings))", seconds: 180
                    ) { receiver.findings.isSuperset(of: expected) }
                    #expect(receiver.findings == expected)
                    #expect(receiver.refusals == [])
                    try await stage.waitUntilReading(detect)
                    for child in [detect, hub] {
                        try await child.terminate()
                    }
                }
            }
        }

        private static let mount = Project.program("mount")
        private static let unmount = Project.program("umount")

        /// A small file system can be made here: root, and allowed to mount.
        private static let canMount: Bool = {
            guard geteuid() == 0, let mount, let unmount else { return false }
            let folder = FileManager.default.temporaryDirectory.appending(path: "gatewatch-e2e-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: folder) }
            func run(_ program: URL, _ arguments: [String]) -> Bool {
                let process = Process()
                process.executableURL = program
                process.arguments = arguments
                process.standardError = FileHandle.nullDevice
                guard (try? process.start()) != nil else { return false }
                process.waitUntilExit()
                return process.terminationStatus == 0
            }
            guard (try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)) != nil,
                run(mount, ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder.path])
            else { return false }
            return run(unmount, [folder.path])
        }()

        @Test(.enabled(if: canMount, "a small file system cannot be mounted here (not root)"))
        func aFullDiskStopsReadingUntilThereIsSpaceAndLosesNothing() async throws {
            let mount = try #require(Self.mount)
            let unmount = try #require(Self.unmount)
            try await Stage.with { stage in
                let disk = stage.path("disk")
                try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
                #expect(
                    try await stage.run(["-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], program: mount).status == 0)
                do {
                    try await fillAndFree(stage, disk, mount)
                } catch {
                    _ = try await stage.run(["-l", disk], program: unmount)
                    throw error
                }
                #expect(try await stage.run([disk], program: unmount).status == 0)
            }
        }

        private func fillAndFree(_ stage: Stage, _ disk: String, _ mount: URL) async throws {
            let day = try Day(stage)
            let expected = try await day.backtest(stage, day.events).sorted()
            _ = try await stage.startBroker()
            let reader = stage.read([Stage.alertsTopic, Stage.rejectedTopic])
            let producer = try stage.makeProducer()
            let detect = try stage.startDetect(day.arguments, state: "disk/state")
            try await stage.waitUntilReading(detect)
            try fill("\(disk)/filler")

            try producer.send(day.events)
            try await detect.waitForLog("the state cannot be written, reading stops until it can")
            let line = try #require(detect.errors.split(separator: "\n").first { $0.contains("cannot be written") })
            #expect(
                line.contains("critical") && line.contains("disk is full") && line.contains("Free space in"), "\(line)")
            let health = try await detect.get("healthz")
            #expect(health.status == 503)
            #expect(health.body.contains("disk is full"))
            #expect(try await detect.metric("gatewatch_commit_errors_total") > 0)
            #expect(detect.exit == nil)

            try FileManager.default.removeItem(atPath: "\(disk)/filler")
            #expect(try await stage.run(["-o", "remount,size=256m", disk], program: mount).status == 0)
            try await detect.waitForLog("the state can be written again")
            try await eventually("it is well again") { try await detect.get("healthz").status == 200 }
            try await eventually("every alert comes") { Set(try reader.records().findings()).isSuperset(of: expected) }
            try await detect.terminate()
            try await reader.waitForEnd(of: [Stage.alertsTopic, Stage.rejectedTopic], producer)
            #expect(try reader.records().findings().sorted() == expected)
            #expect(try reader.records().filter { $0.topic == Stage.rejectedTopic } == [])
        }

        /// Writes until the file system is full.
        private func fill(_ path: String) throws {
            try Data().write(to: URL(fileURLWithPath: path))
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            defer { try? file.close() }
            for size in [65_536, 4096, 512, 1] {
                while (try? file.write(contentsOf: Data(count: size))) != nil {}
            }
        }
    }
}
