// SPDX-License-Identifier: Apache-2.0

extension SeriesBaseline {
    /// Of the encoding.
    private static let version: UInt8 = 1

    /// What it takes in memory, in bytes.
    package var byteCount: Int {
        // An array's storage begins with 32 bytes of its own.
        MemoryLayout<Self>.stride + (slots.map { 64 + MemoryLayout<SeasonSlots>.stride + $0.bytes.count } ?? 0)
    }

    /// Appends everything that is known: 34 bytes, and 270 more with slots of the week.
    package func encode(into bytes: inout [UInt8]) {
        var sink = ByteSink()
        sink.put(Self.version)
        sink.put(UInt8(clamping: slots?.count ?? 0))
        sink.put(lastBucket)
        sink.put(firstHour)
        sink.put(seen)
        sink.put(active)
        sink.put(level)
        sink.put(deviation)
        sink.put(deviationWeight)
        if let slots {
            sink.put(slots.step)
            sink.put(slots.since)
            sink.put(slots.openHour)
            sink.put(slots.openSum)
            sink.put(slots.openActive)
            sink.put(slots.bytes)
        }
        bytes += sink.bytes
    }

    /// Reads what `encode` appended, and nothing else. Nil if the bytes are damaged or of another version.
    package init?(decoding bytes: UnsafeRawBufferPointer) {
        var source = ByteSource(bytes)
        guard source.take() == Self.version, let count: UInt8 = source.take(), let lastBucket: Int64 = source.take(),
            let firstHour: Int32 = source.take(), let seen = source.takeFloat(), let active = source.takeFloat(),
            let level = source.takeFloat(), let deviation = source.takeFloat(),
            let deviationWeight = source.takeFloat(), (0...Float(Self.largest)).contains(seen),
            (0...seen).contains(active), abs(level) <= Float(Self.largest) * 2, deviation >= 0,
            (0...Float(Self.largest)).contains(deviationWeight)
        else { return nil }
        var slots: SeasonSlots?
        if count > 0 {
            guard let step = source.takeFloat(), let since: Int32 = source.take(), let openHour: Int32 = source.take(),
                let openSum = source.takeFloat(), let openActive: UInt16 = source.take(),
                let rest = source.take(count: Int(count) + Int(count) / 2),
                let read = SeasonSlots(
                    bytes: rest, count: Int(count), step: step, since: since, openHour: openHour, openSum: openSum,
                    openActive: openActive)
            else { return nil }
            slots = read
        }
        guard source.isAtEnd else { return nil }
        self.init(
            lastBucket: lastBucket, firstHour: firstHour, seen: seen, active: active, level: level,
            deviation: deviation, deviationWeight: deviationWeight, slots: slots)
    }
}
