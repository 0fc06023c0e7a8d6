// SPDX-License-Identifier: Apache-2.0

import AuditEvent

/// Some lines of the input, in order, in memory that stays where it is.
final class EventBatch {
    struct Line {
        let start: Int
        let count: Int
        /// Index into the input's files.
        let file: Int32
        /// 1-based.
        let number: Int
        /// Which of the events that one line of text stands for; 0 for the first.
        let copy: Int
    }

    private(set) var bytes: [UInt8] = []
    private(set) var lines: [Line] = []
    /// Lines of text that have no form that the mapping knows; they are among the lines.
    var unmatched = 0
    /// Bytes read of the files on disk when the batch was full.
    var position: Int64 = 0

    /// Lines and bytes after which a batch is full.
    static let maximumLines = 1 << 14
    static let maximumBytes = 8 << 20

    var isFull: Bool { lines.count >= Self.maximumLines || bytes.count >= Self.maximumBytes }

    func append(_ text: UnsafeRawBufferPointer, file: Int, number: Int, copy: Int = 0) {
        lines.append(Line(start: bytes.count, count: text.count, file: Int32(file), number: number, copy: copy))
        bytes.append(contentsOf: text)
    }

    /// The text of a line within `bytes`.
    func text(_ line: Line, _ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[line.start..<(line.start + line.count)])
    }
}

/// Reads the input batch by batch. For one thread.
final class BatchReader {
    private let files: LogFiles
    private var next = 0
    private var reader: LineReader?
    private var transcoder: LineTranscoder?
    private var number = 0
    /// Bytes of the files that are done.
    private var done: Int64 = 0
    /// Why the file cannot be read on; thrown once what was read before is given.
    private var fault: (any Error)?

    init(_ files: LogFiles) {
        self.files = files
    }

    /// The next batch; nil at the end. Empty lines are passed over and keep their numbers.
    func read() throws -> EventBatch? {
        if let fault { throw fault }
        let batch = EventBatch()
        do {
            while !batch.isFull, let reader = try open() {
                let hasLine = try reader.next { text in
                    number += 1
                    append(text, to: batch)
                }
                if !hasLine {
                    done += reader.position
                    self.reader = nil
                }
            }
        } catch {
            if batch.lines.isEmpty { throw error }
            fault = error
        }
        batch.position = done + (reader?.position ?? 0)
        return batch.lines.isEmpty ? nil : batch
    }

    /// A line of text becomes the events that it stands for, under its number.
    private func append(_ text: UnsafeRawBufferPointer, to batch: EventBatch) {
        if text.isEmpty { return }
        guard let transcoder else { return batch.append(text, file: next - 1, number: number) }
        let before = transcoder.unmatched
        let (event, count) = transcoder.event(of: text)
        for copy in 0..<count { batch.append(event, file: next - 1, number: number, copy: copy) }
        batch.unmatched += transcoder.unmatched - before
    }

    private func open() throws -> LineReader? {
        if let reader { return reader }
        guard next < files.paths.count else { return nil }
        let opened = try LineReader(path: files.paths[next])
        transcoder = try files.transcoder(file: next)
        next += 1
        number = 0
        reader = opened
        return opened
    }
}
