// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Feeds a target with one input after the other. The same seed and number of executions give the same inputs.
package final class FuzzRun {
    package struct Limits: Sendable {
        /// One input may take so long, seconds.
        package var secondsPerInput = 10
        /// The process may be so large, bytes.
        package var residentBytes = 2 << 30

        package init() {}
    }

    /// What a run was.
    package struct Report: Sendable {
        package var executions = 0
        /// Inputs with an outcome that no input before had.
        package var outcomes = 0
        package var slowestSeconds = 0.0
        package var slowest: [UInt8] = []
        package var residentBytes = 0
    }

    /// Inputs kept to go on from.
    private static let maximumCorpus = 4000

    private let target: any FuzzTarget
    private var mutator: Mutator
    private var corpus: [[UInt8]]
    private var outcomes: Set<UInt64> = []
    private let current: CurrentInput?
    package private(set) var report = Report()

    /// - Parameter folder: where the input that is being run stands, as `current-<target>`, for what ends the process. None without.
    package init(_ target: any FuzzTarget, seed: UInt64, folder: String? = nil, limits: Limits = .init()) throws {
        self.target = target
        corpus = target.seeds
        mutator = Mutator(seed: seed, seeds: target.seeds)
        current = try folder.map { try CurrentInput(folder: $0, name: type(of: target).name, limits: limits) }
    }

    /// Runs the seeds as they are, then changed ones until `isOver`, which is given the number of executions.
    package func run(until isOver: (Int) -> Bool) {
        for seed in target.seeds { execute(seed) }
        while !isOver(report.executions) {
            let input = mutator.mutated(corpus[mutator.random.below(corpus.count)], with: corpus)
            guard execute(input), corpus.count < Self.maximumCorpus else { continue }
            corpus.append(input)
        }
        report.residentBytes = CurrentInput.residentBytes()
        current?.close()
    }

    /// Whether the outcome is new.
    @discardableResult
    package func execute(_ input: [UInt8]) -> Bool {
        current?.begin(input)
        let start = DispatchTime.now().uptimeNanoseconds
        let outcome = target.run(input)
        let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
        current?.end()
        report.executions += 1
        if seconds > report.slowestSeconds {
            report.slowestSeconds = seconds
            report.slowest = input
        }
        guard outcomes.insert(outcome).inserted else { return false }
        report.outcomes += 1
        return true
    }
}

/// The input that is being run, in a mapped file: it is there whatever ends the process. A thread watches time and memory.
// @unchecked: the mapped bytes are written by the thread that runs inputs; the watching thread reads them only to end the process.
private final class CurrentInput: @unchecked Sendable {
    private static let capacity = 1 << 20

    private let path: String
    private let bytes: UnsafeMutableRawPointer
    /// Odd while an input is being run.
    private let turn = Atomic<Int>(0)
    private let isClosed = Atomic<Bool>(false)

    init(folder: String, name: String, limits: FuzzRun.Limits) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        path = "\(folder)/current-\(name)"
        let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o644)
        defer { _ = Glibc.close(file) }
        guard file >= 0, ftruncate(file, off_t(Self.capacity)) == 0,
            let mapped = mmap(nil, Self.capacity, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), mapped != MAP_FAILED
        else { throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: path]) }
        bytes = mapped
        Thread.detachNewThread { [self] in watch(limits) }
    }

    /// The length in eight bytes, then the input.
    func begin(_ input: [UInt8]) {
        let count = min(input.count, Self.capacity - 8)
        bytes.storeBytes(of: count, as: Int.self)
        input.withUnsafeBytes { from in
            if let base = from.baseAddress { (bytes + 8).copyMemory(from: base, byteCount: count) }
        }
        turn.add(1, ordering: .releasing)
    }

    func end() { turn.add(1, ordering: .releasing) }

    func close() {
        isClosed.store(true, ordering: .releasing)
        try? FileManager.default.removeItem(atPath: path)
    }

    private func watch(_ limits: FuzzRun.Limits) {
        var last = -1
        var seconds = 0
        while !isClosed.load(ordering: .acquiring) {
            sleep(1)
            let now = turn.load(ordering: .acquiring)
            seconds = now == last && now % 2 == 1 ? seconds + 1 : 0
            last = now
            if seconds >= limits.secondsPerInput { give("took more than \(limits.secondsPerInput) s") }
            let resident = Self.residentBytes()
            if resident > limits.residentBytes { give("brought the process to \(resident >> 20) MiB") }
        }
    }

    private func give(_ reason: String) -> Never {
        let count = bytes.load(as: Int.self)
        let finding = "\(path)-\(turn.load(ordering: .relaxed))"
        try? Data(bytes: bytes + 8, count: count).write(to: URL(fileURLWithPath: finding))
        try? FileHandle.standardError.write(contentsOf: Data("\(finding): this input \(reason)\n".utf8))
        exit(1)
    }

    /// Linux's own figure (proc_pid_statm(5)); 0 where there is none.
    static func residentBytes() -> Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        let fields = text.split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
    }
}
