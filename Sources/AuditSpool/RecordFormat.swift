// SPDX-License-Identifier: Apache-2.0

/// One event as it stands in a segment; `AuditSpool` describes the bytes.
enum RecordFormat {
    /// Length and checksum: what stands before the part that is counted by the length.
    static let prefix = 8
    /// Time, key length, uid length.
    private static let fixed = 8 + 2 + 1
    /// The sequence number at the end.
    private static let trailer = 8
    /// Bytes of a record beyond key, uid and payload.
    static let overhead = prefix + fixed + trailer

    /// A record without its sequence number, and the checksum as far as it goes without it. The checksum of the long
    /// part is so made outside the lock under which the sequence number is given.
    static func encode(
        key: [UInt8], uid: [UInt8], payload: UnsafeRawBufferPointer, time: Int64
    ) -> (bytes: [UInt8], checksum: UInt32) {
        let count = overhead + key.count + uid.count + payload.count
        var checksum: UInt32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
            let raw = UnsafeMutableRawBufferPointer(buffer)
            raw.storeBytes(of: UInt32(count - prefix).littleEndian, toByteOffset: 0, as: UInt32.self)
            raw.storeBytes(of: 0, toByteOffset: 4, as: UInt32.self)
            raw.storeBytes(of: time.littleEndian, toByteOffset: 8, as: Int64.self)
            raw.storeBytes(of: UInt16(key.count).littleEndian, toByteOffset: 16, as: UInt16.self)
            raw[18] = UInt8(uid.count)
            var offset = prefix + fixed
            func put(_ part: UnsafeRawBufferPointer) {
                UnsafeMutableRawBufferPointer(rebasing: raw[offset..<offset + part.count]).copyMemory(from: part)
                offset += part.count
            }
            key.withUnsafeBytes(put)
            uid.withUnsafeBytes(put)
            put(payload)
            checksum = CRC32C.extend(0, UnsafeRawBufferPointer(rebasing: raw[0..<4]))
            checksum = CRC32C.extend(checksum, UnsafeRawBufferPointer(rebasing: raw[prefix..<offset]))
            raw.storeBytes(of: 0, toByteOffset: offset, as: UInt64.self)
            used = count
        }
        return (bytes, checksum)
    }

    /// Puts the sequence number and the whole checksum into an encoded record.
    static func finish(_ bytes: inout [UInt8], checksum: UInt32, sequence: UInt64) {
        bytes.withUnsafeMutableBytes { raw in
            let end = raw.count - trailer
            raw.storeBytes(of: sequence.littleEndian, toByteOffset: end, as: UInt64.self)
            let whole = CRC32C.extend(checksum, UnsafeRawBufferPointer(rebasing: raw[end...]))
            raw.storeBytes(of: whole.littleEndian, toByteOffset: 4, as: UInt32.self)
        }
    }

    /// What stands at one place of a segment.
    enum Reading {
        /// A record that is whole.
        case record(SpoolRecord)
        /// The bytes at hand end before the record does.
        case incomplete
        /// No record begins here.
        case damaged
    }

    /// Reads the record at `offset`.
    static func read(_ bytes: UnsafeRawBufferPointer, at offset: Int, maximumRecordBytes: Int) -> Reading {
        guard offset + prefix <= bytes.count else { return .incomplete }
        let length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        guard length >= fixed + trailer, length <= maximumRecordBytes - prefix else { return .damaged }
        let end = offset + prefix + length
        guard end <= bytes.count else { return .incomplete }
        let stored = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
        var checksum = CRC32C.extend(0, UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + 4]))
        checksum = CRC32C.extend(checksum, UnsafeRawBufferPointer(rebasing: bytes[offset + prefix..<end]))
        let keyCount = Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 16, as: UInt16.self)))
        let keyStart = offset + prefix + fixed
        let uidStart = keyStart + keyCount
        let payloadStart = uidStart + Int(bytes[offset + 18])
        guard checksum == stored, payloadStart <= end - trailer else { return .damaged }
        return .record(
            SpoolRecord(
                sequence: UInt64(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: end - trailer, as: UInt64.self)),
                time: Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: Int64.self)),
                key: Array(bytes[keyStart..<uidStart]), uid: Array(bytes[uidStart..<payloadStart]),
                payload: Array(bytes[payloadStart..<end - trailer]), recordBytes: end - offset))
    }
}

/// An event read back from a segment.
struct SpoolRecord {
    let sequence: UInt64
    /// When it was appended, milliseconds since the epoch, UTC.
    let time: Int64
    let key: [UInt8]
    let uid: [UInt8]
    let payload: [UInt8]
    /// Bytes of the record in its segment.
    let recordBytes: Int
}
