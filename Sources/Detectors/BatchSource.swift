// SPDX-License-Identifier: Apache-2.0

import AuditEvent
import Dispatch

/// Calls `body` with 0 to `count` - 1, on as many threads as there are cores, and returns when all are done.
///
/// The compiler cannot see that each call has a part of its own, so callers see to it: what calls share they only read.
func inParallel(_ count: Int, _ body: (Int) -> Void) {
    withoutActuallyEscaping(body) { body in
        // It is called on several threads at once, as said above; it does not outlive this call.
        nonisolated(unsafe) let body = body
        DispatchQueue.concurrentPerform(iterations: count) { body($0) }
    }
}

/// Gives the input batch by batch.
protocol BatchSource {
    /// Nil at the end. Throws `LineReader.ReadError` when a file cannot be read on; what was read before has been given.
    func next() throws -> EventBatch?
}

/// Reads the next batch while the one before it is worked on.
final class ReadAhead: BatchSource {
    /// What the queue made. Unchecked, because waiting for the group is what hands it over: never do two threads hold it at once.
    private final class Shared: @unchecked Sendable {
        let reader: BatchReader
        var result: Result<EventBatch?, any Error> = .success(nil)

        init(_ reader: BatchReader) {
            self.reader = reader
        }
    }

    private let shared: Shared
    private let queue = DispatchQueue(label: "gatewatch.backtest.read")
    private let group = DispatchGroup()

    init(_ reader: BatchReader) {
        shared = Shared(reader)
        start()
    }

    func next() throws -> EventBatch? {
        group.wait()
        let batch = try shared.result.get()
        if batch != nil { start() }
        return batch
    }

    private func start() {
        queue.async(group: group) { [shared] in shared.result = Result { try shared.reader.read() } }
    }
}

/// The events in the order of their times, all in memory. Lines keep their numbers; an event without a time follows the one
/// before it.
final class SortedBatches: BatchSource {
    private struct Entry {
        let time: Int64
        let batch: Int
        let line: Int
    }

    private var batches: [EventBatch] = []
    private var entries: [Entry] = []
    private var given = 0

    init(_ files: LogFiles, _ decoder: EventDecoder) throws {
        let reader = BatchReader(files)
        var last: Int64 = 0
        while let batch = try reader.read() {
            batch.bytes.withUnsafeBytes { bytes in
                for (index, line) in batch.lines.enumerated() {
                    // What cannot be read stays where it stands, to be refused there.
                    let view = try? decoder.decode(batch.text(line, bytes), fallbackUID: .missing, fallbackTime: last)
                    last = view?.time ?? last
                    entries.append(Entry(time: last, batch: batches.count, line: index))
                }
            }
            batches.append(batch)
        }
        entries.sort { ($0.time, $0.batch, $0.line) < ($1.time, $1.batch, $1.line) }
    }

    func next() throws -> EventBatch? {
        let batch = EventBatch()
        while given < entries.count, !batch.isFull {
            let entry = entries[given]
            let from = batches[entry.batch]
            let line = from.lines[entry.line]
            from.bytes.withUnsafeBytes {
                batch.append(from.text(line, $0), file: Int(line.file), number: line.number, copy: line.copy)
            }
            given += 1
        }
        if given == entries.count { batch.unmatched = batches.reduce(0) { $0 + $1.unmatched } }
        batch.position = batches.last?.position ?? 0
        return batch.lines.isEmpty ? nil : batch
    }
}
