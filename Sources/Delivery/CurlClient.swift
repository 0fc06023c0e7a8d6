// SPDX-License-Identifier: Apache-2.0
import CCurl
import Foundation
import Synchronization

/// What is sent.
package struct CurlRequest: Sendable {
    /// Where to.
    package var url: CurlURL
    /// Names and values, sent in this order.
    package var headers: [(name: String, value: String)]
    /// The bytes of the POST.
    package var body: [UInt8]

    package init(url: CurlURL, headers: [(name: String, value: String)], body: [UInt8]) {
        self.url = url
        self.headers = headers
        self.body = body
    }
}

/// What came back.
package struct CurlReply: Sendable, Equatable {
    /// The HTTP status.
    package var status: Int
    /// The `Retry-After` header in seconds from now, if there is a readable one.
    package var retryAfterSeconds: Int64?
    /// The first ``CurlClient/maximumReplyBytes`` of the body.
    package var body: [UInt8]
    /// True if the body was longer than that.
    package var isTruncated: Bool
}

/// Stops a request from another thread: it ends within about a second with an error of kind `cancelled`.
package final class CurlCancellation: Sendable {
    private let flag = Atomic<Bool>(false)

    package init() {}

    /// Ends the request that runs and every later one of the clients that hold this.
    package func cancel() { flag.store(true, ordering: .releasing) }

    /// True once cancelled.
    package var isCancelled: Bool { flag.load(ordering: .acquiring) }
}

/// Posts over http and https by libcurl. One client is one connection kept open between requests; it is used from one thread.
///
/// Certificates are verified, redirects are not followed, TLS is 1.2 or later. Proxies are libcurl's own environment
/// variables, never for loopback.
package final class CurlClient {
    /// Timeouts and trust of a client.
    package struct Options: Sendable, Equatable {
        /// Milliseconds for name, connection and TLS handshake.
        package var connectTimeoutMilliseconds: Int
        /// Milliseconds for the whole exchange.
        package var timeoutMilliseconds: Int
        /// A PEM file of certificate authorities to trust instead of the system's.
        package var certificateAuthorityFile: String?

        package init(
            connectTimeoutMilliseconds: Int = 5_000, timeoutMilliseconds: Int = 20_000,
            certificateAuthorityFile: String? = nil
        ) {
            self.connectTimeoutMilliseconds = connectTimeoutMilliseconds
            self.timeoutMilliseconds = timeoutMilliseconds
            self.certificateAuthorityFile = certificateAuthorityFile
        }
    }

    /// Bytes of a reply's body that are kept; reading stops there.
    package static let maximumReplyBytes = 64 * 1024

    /// libcurl's process-wide start. libcurl with NOSIGNAL leaves SIGPIPE to us: TLS writes to a closed socket raise it.
    private static let isInitialized: Bool = {
        signal(SIGPIPE, SIG_IGN)
        return gatewatch_curl_global_init() == CURLE_OK
    }()

    private let handle: UnsafeMutableRawPointer
    private let options: Options
    private let cancellation: CurlCancellation

    /// - Throws: ``CurlError`` if libcurl cannot start.
    package init(_ options: Options = Options(), cancellation: CurlCancellation = CurlCancellation()) throws(CurlError)
    {
        guard Self.isInitialized, let handle = curl_easy_init() else {
            throw CurlError(.other, message: "libcurl cannot start")
        }
        self.handle = handle
        self.options = options
        self.cancellation = cancellation
    }

    deinit {
        curl_easy_cleanup(handle)
    }

    /// Sends the request and waits for the reply, blocking the thread.
    ///
    /// - Throws: ``CurlError`` when no complete reply came. A status of any kind is a reply.
    package func post(_ request: CurlRequest) throws(CurlError) -> CurlReply {
        if cancellation.isCancelled { throw CurlError(.cancelled, message: "the request was stopped") }
        var lines = ["Expect:"]
        for (name, value) in request.headers {
            guard !(name + value).utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
                throw CurlError(.invalidRequest, message: "the header \(name.prefix(40)) has a control character")
            }
            lines.append("\(name): \(value)")
        }
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines { list = curl_slist_append(list, line) }
        defer { curl_slist_free_all(list) }

        // The callbacks get this object unretained; `extended` below keeps it alive through the transfer.
        let exchange = Exchange(cancellation: cancellation)
        let errorBuffer = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
        errorBuffer.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        defer { errorBuffer.deallocate() }

        // Keeps the connection, forgets every option.
        curl_easy_reset(handle)
        let code: CURLcode = request.body.withUnsafeBytes { body in
            withExtendedLifetime(exchange) {
                let context = Unmanaged.passUnretained(exchange).toOpaque()
                let failed = setOptions(request.url, list, body, context, errorBuffer)
                return failed == CURLE_OK ? curl_easy_perform(handle) : failed
            }
        }
        var status = 0
        _ = gatewatch_curl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
        let reply = CurlReply(
            status: status,
            retryAfterSeconds: exchange.retryAfter.flatMap {
                RetryAfter.seconds($0, nowSeconds: Int64(Date().timeIntervalSince1970))
            },
            body: exchange.body, isTruncated: exchange.isTruncated)
        // We ended it ourselves at the size limit: status and headers are complete.
        if code == CURLE_OK || (exchange.isTruncated && code == CURLE_WRITE_ERROR) { return reply }
        let words = String(cString: errorBuffer)
        throw CurlError(
            Self.kind(code), code: Int(code.rawValue),
            message: words.isEmpty ? String(cString: curl_easy_strerror(code)) : words)
    }

    private func setOptions(
        _ url: CurlURL, _ headers: UnsafeMutablePointer<curl_slist>?, _ body: UnsafeRawBufferPointer,
        _ context: UnsafeMutableRawPointer, _ errorBuffer: UnsafeMutablePointer<CChar>
    ) -> CURLcode {
        var failed = CURLE_OK
        func check(_ code: CURLcode) { if failed == CURLE_OK { failed = code } }
        check(gatewatch_curl_set_pointer(handle, CURLOPT_ERRORBUFFER, errorBuffer))
        check(gatewatch_curl_set_string(handle, CURLOPT_URL, url.text))
        check(gatewatch_curl_set_string(handle, CURLOPT_PROTOCOLS_STR, "http,https"))
        check(gatewatch_curl_set_string(handle, CURLOPT_USERAGENT, "gatewatch"))
        check(gatewatch_curl_set_string(handle, CURLOPT_NOPROXY, Self.noProxy))
        for (option, value) in [
            (CURLOPT_NOSIGNAL, 1), (CURLOPT_FOLLOWLOCATION, 0), (CURLOPT_POST, 1), (CURLOPT_NOPROGRESS, 0),
            (CURLOPT_SSL_VERIFYPEER, 1), (CURLOPT_SSL_VERIFYHOST, 2),
            (CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)),
            (CURLOPT_CONNECTTIMEOUT_MS, max(1, options.connectTimeoutMilliseconds)),
            (CURLOPT_TIMEOUT_MS, max(1, options.timeoutMilliseconds)),
        ] {
            check(gatewatch_curl_set_long(handle, option, value))
        }
        if let file = options.certificateAuthorityFile {
            check(gatewatch_curl_set_string(handle, CURLOPT_CAINFO, file))
        }
        check(gatewatch_curl_set_headers(handle, headers))
        check(gatewatch_curl_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count)))
        // Not copied: the caller holds the bytes through the transfer. An empty body still needs a pointer.
        if let base = body.baseAddress, !body.isEmpty {
            check(gatewatch_curl_set_pointer(handle, CURLOPT_POSTFIELDS, base))
        } else {
            check(gatewatch_curl_set_string(handle, CURLOPT_COPYPOSTFIELDS, ""))
        }
        check(gatewatch_curl_set_data_function(handle, CURLOPT_WRITEFUNCTION, Exchange.takeBody))
        check(gatewatch_curl_set_pointer(handle, CURLOPT_WRITEDATA, context))
        check(gatewatch_curl_set_data_function(handle, CURLOPT_HEADERFUNCTION, Exchange.takeHeader))
        check(gatewatch_curl_set_pointer(handle, CURLOPT_HEADERDATA, context))
        check(gatewatch_curl_set_progress_function(handle, Exchange.progress))
        check(gatewatch_curl_set_pointer(handle, CURLOPT_XFERINFODATA, context))
        return failed
    }

    private static let noProxy: String = {
        let environment = ProcessInfo.processInfo.environment
        let own = environment["no_proxy"] ?? environment["NO_PROXY"] ?? ""
        return (own.isEmpty ? "" : own + ",") + "localhost,127.0.0.1,::1"
    }()

    private static func kind(_ code: CURLcode) -> CurlError.Kind {
        switch code {
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: .invalidURL
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .unresolvable
        case CURLE_COULDNT_CONNECT: .unreachable
        case CURLE_OPERATION_TIMEDOUT: .timeout
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS:
            .tls
        case CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE, CURLE_RECV_ERROR, CURLE_SEND_ERROR: .closedEarly
        case CURLE_ABORTED_BY_CALLBACK: .cancelled
        default: .other
        }
    }
}

/// What libcurl's callbacks fill while a request runs, all on the thread that runs it.
private final class Exchange {
    var body: [UInt8] = []
    var isTruncated = false
    var retryAfter: String?
    let cancellation: CurlCancellation

    init(cancellation: CurlCancellation) {
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
}
