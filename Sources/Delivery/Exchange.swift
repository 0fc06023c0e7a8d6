// SPDX-License-Identifier: Apache-2.0
import Addresses
import CCurl
import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// What libcurl's callbacks fill while a request runs, all on the thread that runs it.
final class Exchange {
    var body: [UInt8] = []
    var isTruncated = false
    var retryAfter: String?
    /// An address that a connection was to be made to and may not be.
    var forbidden: String?
    /// What libcurl reads to send (SMTP): the bytes, and how many of them it has.
    var upload: [UInt8] = []
    var uploaded = 0
    let addresses: AddressPolicy
    let cancellation: CurlCancellation

    init(_ addresses: AddressPolicy, _ cancellation: CurlCancellation) {
        self.addresses = addresses
        self.cancellation = cancellation
    }

    static func from(_ context: UnsafeMutableRawPointer?) -> Exchange? {
        context.map { Unmanaged<Exchange>.fromOpaque($0).takeUnretainedValue() }
    }

    static let takeBody: gatewatch_curl_data_function = { data, size, count, context in
        guard let data, let exchange = Exchange.from(context) else { return 0 }
        let length = size * count
        let room = CurlClient.maximumReplyBytes - exchange.body.count
        exchange.body.append(contentsOf: UnsafeRawBufferPointer(start: data, count: min(length, room)))
        guard length <= room else {
            exchange.isTruncated = true
            return 0
        }
        return length
    }

    static let takeHeader: gatewatch_curl_data_function = { data, size, count, context in
        guard let data, let exchange = Exchange.from(context) else { return 0 }
        let length = size * count
        let line = String(decoding: UnsafeRawBufferPointer(start: data, count: min(length, 512)), as: UTF8.self)
        // A new status line: a 100, or a proxy's answer to CONNECT, came before the real one.
        if line.hasPrefix("HTTP/") { exchange.retryAfter = nil }
        if let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == "retry-after" {
            exchange.retryAfter = line[line.index(after: colon)...].trimmingCharacters(in: .whitespacesAndNewlines)
        }
        return length
    }

    static let progress: curl_xferinfo_callback = { context, _, _, _, _ in
        Exchange.from(context)?.cancellation.isCancelled == true ? 1 : 0
    }

    static let giveBody: gatewatch_curl_data_function = { data, size, count, context in
        guard let data, let exchange = Exchange.from(context) else { return 0 }
        let length = min(size * count, exchange.upload.count - exchange.uploaded)
        exchange.upload.withUnsafeBytes { upload in
            guard length > 0, let base = upload.baseAddress else { return }
            UnsafeMutableRawPointer(data).copyMemory(from: base + exchange.uploaded, byteCount: length)
        }
        exchange.uploaded += length
        return length
    }

    /// Called for every connection, with the address that it is made to.
    static let openSocket: curl_opensocket_callback = { context, purpose, address in
        guard let exchange = Exchange.from(context), let address else { return CURL_SOCKET_BAD }
        let offset = MemoryLayout<curl_sockaddr>.offset(of: \.addr) ?? 0
        let socketAddress = UnsafeRawPointer(address) + offset
        var bytes: [UInt8] = []
        switch address.pointee.family {
        case AF_INET:
            let four = socketAddress.loadUnaligned(as: sockaddr_in.self)
            bytes = withUnsafeBytes(of: four.sin_addr) { Array(repeating: 0, count: 10) + [0xFF, 0xFF] + $0 }
        case AF_INET6:
            let six = socketAddress.loadUnaligned(as: sockaddr_in6.self)
            bytes = withUnsafeBytes(of: six.sin6_addr) { Array($0) }
        default: break
        }
        guard exchange.addresses.allows(bytes) else {
            exchange.forbidden = AddressNetwork.text(bytes)
            return CURL_SOCKET_BAD
        }
        // Children of this process must not keep the connection.
        let descriptor = socket(address.pointee.family, address.pointee.socktype, address.pointee.protocol)
        if descriptor >= 0 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        return descriptor
    }
}
