// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Logging
import Web

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Plays seven insiders against everything, on this machine alone, and shows them being stopped.",
        discussion: """
            Starts an embedded Kafka broker, an OpenID provider, four small services, the gateway in front of them, detect, hub and a \
            webhook receiver. 200 people and services do normal work with real tokens over real HTTP; seven insiders do what \
            insiders do, until the system stops them: a bulk pull meets an approval, a running checkpoint download is cut, a leaver's \
            and a stolen token are refused. Prints each alert when its signed webhook has arrived.

            gatewatch demo                    # goes on until Ctrl-C, with the console to look around in
            gatewatch demo --once --json      # ends by itself; status 0 only if all of it happened, and to nobody else
            """)

    @Flag(
        help:
            "End by itself, with status 0 only if every insider was detected and stopped, every alert delivered, and nobody else named or refused."
    )
    var once = false
    @Flag(help: "End with one JSON object that counts what happened.")
    var json = false
    @Option(help: "Another seed, other people.")
    var seed: UInt64 = 1
    @Option(help: "Rule files or folders.")
    var detectors = ["detectors"]
    @Option(help: "host:port of the console, while the demo goes on; port 0 takes a free one.")
    var console = "127.0.0.1:0"
    @OptionGroup var log: LogOptions

    func run() async throws {
        guard let address = parseAddress(console) else {
            throw ValidationError("--console \(console): write host:port.")
        }
        let goesOn = !once && !json
        if goesOn { try await WebServer.checkAddress(host: address.host, port: address.port) }
        _ = startMetrics()
        // The demo speaks for itself; the services' own lines only when asked for.
        let logger = log.logger("gatewatch.demo", default: .critical)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "gatewatch-demo-\(UUID().uuidString)"
        ).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }

        let stage: DemoStage
        do {
            stage = try DemoStage(
                folder: folder, seed: seed, detectors: detectors, console: address, logger: logger)
        } catch let errors as DemoStage.BadDetectors {
            for error in errors.errors { Terminal.error("\(error)") }
            throw ExitCode.foundWrong
        }
        defer { stage.close() }
        Terminal.print(stage.introduction)
        let outcome = try await stage.play(waitsAfterwards: goesOn) { outcome in
            for line in outcome.lines { Terminal.print(line) }
            if json { Terminal.print(outcome.json) }
        }
        if !outcome.isRight { throw ExitCode.foundWrong }
    }
}
