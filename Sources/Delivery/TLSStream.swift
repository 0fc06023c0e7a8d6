// SPDX-License-Identifier: Apache-2.0
import CCurl
import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A TLS connection to which bytes are only written, by libcurl's `CONNECT_ONLY`. It is opened when it is first needed and
/// anew after every failure; used from one thread.
package final class TLSStream {
    private let url: CurlURL
    private let options: CurlClient.Options
    private let cancellation: CurlCancellation
    private var client: CurlClient?

    /// - Parameter url: `https://host:port`; nothing of HTTP is spoken.
    package init(_ url: CurlURL, _ options: CurlClient.Options, cancellation: CurlCancellation) {
        self.url = url
        self.options = options
        self.cancellation = cancellation
    }

    /// Writes all bytes and, where the system tells, waits until the other side's kernel has them: syslog answers nothing.
    ///
    /// - Throws: ``CurlError``; some of the bytes may have arrived.
    package func write(_ bytes: [UInt8]) throws(CurlError) {
        do {
            let client = try open()
            try send(bytes, client)
        } catch {
            client = nil
            throw error
        }
    }

    private func open() throws(CurlError) -> CurlClient {
        if let client, isAlive(client) { return client }
        client = nil
        let new = try CurlClient(options, cancellation: cancellation)
        try new.connectOnly(url)
        client = new
        return new
    }

    /// A receiver that closed says so by an end that can be read. What it sends otherwise is dropped.
    private func isAlive(_ client: CurlClient) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 1024)
        for _ in 0..<64 {
            var count = 0
            let code = curl_easy_recv(client.handle, &buffer, buffer.count, &count)
            if code == CURLE_AGAIN { return true }
            if code != CURLE_OK || count == 0 { return false }
        }
        return false
    }

    private func send(_ bytes: [UInt8], _ client: CurlClient) throws(CurlError) {
        let deadline = ContinuousClock.now + .milliseconds(options.timeoutMilliseconds)
        var socket = CURL_SOCKET_BAD
        _ = gatewatch_curl_get_socket(client.handle, &socket)
        var sent = 0
        while sent < bytes.count {
            var count = 0
            let code = bytes.withUnsafeBytes { raw in
                curl_easy_send(client.handle, raw.baseAddress.map { $0 + sent }, raw.count - sent, &count)
            }
            if code == CURLE_AGAIN {
                try check(deadline)
                var ready = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
                _ = poll(&ready, 1, 100)
                continue
            }
            guard code == CURLE_OK else {
                throw CurlError(
                    .closedEarly, code: Int(code.rawValue), message: String(cString: curl_easy_strerror(code)))
            }
            sent += count
        }
        while gatewatch_unacknowledged(socket) > 0 {
            try check(deadline)
            var error: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            if getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) == 0, error != 0 {
                throw CurlError(.closedEarly, message: String(cString: strerror(error)))
            }
            usleep(500)
        }
        // A receiver that was gone answers what came too late by a reset.
        guard isAlive(client) else { throw CurlError(.closedEarly, message: "the receiver closed the connection") }
    }

    private func check(_ deadline: ContinuousClock.Instant) throws(CurlError) {
        if cancellation.isCancelled { throw CurlError(.cancelled, message: "the writing was stopped") }
        if ContinuousClock.now > deadline { throw CurlError(.timeout, message: "the receiver does not take the bytes") }
    }
}

extension CurlClient {
    /// Connects and shakes hands, no more.
    fileprivate func connectOnly(_ url: CurlURL) throws(CurlError) {
        let exchange = Exchange(options.addresses, cancellation)
        let code = try transfer(exchange) { set in
            set.text(CURLOPT_URL, url.text)
            set.text(CURLOPT_PROTOCOLS_STR, "https")
            set.number(CURLOPT_CONNECT_ONLY, 1)
            // The other side is no web server: nothing is negotiated.
            set.number(CURLOPT_SSL_ENABLE_ALPN, 0)
            return set.perform()
        }
        guard code == CURLE_OK else { throw error(code, exchange) }
    }
}
