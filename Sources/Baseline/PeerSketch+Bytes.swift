// SPDX-License-Identifier: Apache-2.0

extension PeerSketch {
    /// Of the encoding.
    private static let version: UInt8 = 1

    /// Appends everything that is known: 522 bytes, 24 for each of at most four highest members, and 5 for each bin in use.
    package func encode(into bytes: inout [UInt8]) {
        var sink = ByteSink()
        sink.put(Self.version)
        sink.put(agedTo)
        for word in memberBits { sink.put(word) }
        sink.put(UInt8(tops.count))
        for top in tops {
            sink.put(top.member)
            sink.put(top.value)
            sink.put(top.bucket)
        }
        for (index, count) in bins.enumerated() where count > 0 {
            sink.put(UInt8(index))
            sink.put(count)
        }
        bytes += sink.bytes
    }

    /// Reads what `encode` appended, and nothing else. Nil if the bytes are damaged or of another version.
    package init?(decoding bytes: UnsafeRawBufferPointer) {
        var source = ByteSource(bytes)
        guard source.take() == Self.version, let agedTo: Int64 = source.take() else { return nil }
        var words: [UInt64] = []
        for _ in 0..<Self.memberWords {
            guard let word: UInt64 = source.take() else { return nil }
            words.append(word)
        }
        guard let topCount: UInt8 = source.take(), topCount <= Self.topCount else { return nil }
        var tops: [Top] = []
        for _ in 0..<topCount {
            guard let member: UInt64 = source.take(), let value = source.takeDouble(),
                let bucket: Int64 = source.take(),
                value > 0, tops.allSatisfy({ $0.member != member }), value <= tops.last?.value ?? value
            else { return nil }
            tops.append(Top(member: member, value: value, bucket: bucket))
        }
        var bins = [Float](repeating: 0, count: Self.binCount)
        while !source.isAtEnd {
            guard let index: UInt8 = source.take(), index < Self.binCount, let count = source.takeFloat(), count > 0,
                bins[Int(index)] == 0
            else { return nil }
            bins[Int(index)] = count
        }
        self.init(bins: bins, memberBits: words, tops: tops, agedTo: agedTo)
    }
}
