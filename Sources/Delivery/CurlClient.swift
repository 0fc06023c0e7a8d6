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

/// Sends by http, https, smtp, smtps and bare TLS by libcurl. One client is one connection kept open between requests; it is
/// used from one thread.
///
/// Certificates are verified, redirects are not followed, TLS is 1.2 or later, no proxy is used. Addresses that are not public
/// are refused unless ``Options/addresses`` says otherwise.
package final class CurlClient {
    /// Timeouts and trust of a client.
    package struct Options: Sendable, Equatable {
        /// Milliseconds for name, connection and TLS handshake.
        package var connectTimeoutMilliseconds: Int
        /// Milliseconds for the whole exchange.
        package var timeoutMilliseconds: Int
        /// A PEM file of certificate authorities to trust instead of the system's.
        package var certificateAuthorityFile: String?
        /// PEM files of our own certificate and its key, where the receiver asks for one.
        package var certificateFile: String?
        package var privateKeyFile: String?
        /// Where connections may lead.
        package var addresses: AddressPolicy

        package init(
            connectTimeoutMilliseconds: Int = 5_000, timeoutMilliseconds: Int = 20_000,
            certificateAuthorityFile: String? = nil, certificateFile: String? = nil, privateKeyFile: String? = nil,
            addresses: AddressPolicy = .publicOnly
        ) {
            self.certificateFile = certificateFile
            self.privateKeyFile = privateKeyFile
            self.addresses = addresses
            self.connectTimeoutMilliseconds = connectTimeoutMilliseconds
            self.timeoutMilliseconds = timeoutMilliseconds
            self.certificateAuthorityFile = certificateAuthorityFile
        }
    }

    /// Bytes of a reply's body that are kept; reading stops there.
    package static let maximumReplyBytes = 64 * 1024

    /// libcurl's process-wide start. libcurl with NOSIGNAL leaves SIGPIPE to us: TLS writes to a closed socket raise it.
    static let isInitialized: Bool = {
        signal(SIGPIPE, SIG_IGN)
        return gatewatch_curl_global_init() == CURLE_OK
    }()

    let handle: UnsafeMutableRawPointer
    let options: Options
    let cancellation: CurlCancellation
    private let errorBuffer = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    /// - Throws: ``CurlError`` if libcurl cannot start.
    package init(_ options: Options = Options(), cancellation: CurlCancellation = CurlCancellation()) throws(CurlError)
    {
        guard Self.isInitialized, let handle = curl_easy_init() else {
            throw CurlError(.other, message: "libcurl cannot start")
        }
        errorBuffer.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        self.handle = handle
        self.options = options
        self.cancellation = cancellation
    }

    deinit {
        curl_easy_cleanup(handle)
        errorBuffer.deallocate()
    }

    /// Sends the request and waits for the reply, blocking the thread.
    ///
    /// - Throws: ``CurlError`` when no complete reply came. A status of any kind is a reply.
    package func post(_ request: CurlRequest) throws(CurlError) -> CurlReply {
        var lines = ["Expect:"]
        for (name, value) in request.headers {
            guard !(name + value).utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
                throw CurlError(.invalidRequest, message: "the header \(name.prefix(40)) has a control character")
            }
            lines.append("\(name): \(value)")
        }
        let exchange = Exchange(options.addresses, cancellation)
        let list = CurlList(lines)
        let code = try transfer(exchange) { set in
            set.text(CURLOPT_URL, request.url.text)
            set.text(CURLOPT_PROTOCOLS_STR, "http,https")
            set.text(CURLOPT_USERAGENT, "gatewatch")
            set.number(CURLOPT_POST, 1)
            set.check(gatewatch_curl_set_headers(handle, list.head))
            set.check(gatewatch_curl_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count)))
            return request.body.withUnsafeBytes { body in
                // Not copied: the bytes stand through the transfer. An empty body still needs a pointer.
                if let base = body.baseAddress, !body.isEmpty {
                    set.pointer(CURLOPT_POSTFIELDS, base)
                } else {
                    set.text(CURLOPT_COPYPOSTFIELDS, "")
                }
                return set.perform()
            }
        }
        // We ended it ourselves at the size limit: status and headers are complete.
        guard code == CURLE_OK || (exchange.isTruncated && code == CURLE_WRITE_ERROR) else {
            throw error(code, exchange)
        }
        return CurlReply(
            status: responseCode,
            retryAfterSeconds: exchange.retryAfter.flatMap {
                RetryAfter.seconds($0, nowSeconds: Int64(Date().timeIntervalSince1970))
            },
            body: exchange.body, isTruncated: exchange.isTruncated)
    }

    /// The status or SMTP code that came last, 0 if none did.
    var responseCode: Int {
        var status = 0
        _ = gatewatch_curl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
        return status
    }

    /// Sets what every transfer has, lets `body` set the rest and perform.
    func transfer(_ exchange: Exchange, _ body: (inout CurlSetup) -> CURLcode) throws(CurlError) -> CURLcode {
        if cancellation.isCancelled { throw CurlError(.cancelled, message: "the request was stopped") }
        errorBuffer.update(repeating: 0, count: Int(CURL_ERROR_SIZE))
        // Keeps the connection, forgets every option.
        curl_easy_reset(handle)
        var set = CurlSetup(handle)
        // The callbacks get the exchange unretained; `withExtendedLifetime` keeps it alive through the transfer.
        return withExtendedLifetime(exchange) {
            let context = UnsafeRawPointer(Unmanaged.passUnretained(exchange).toOpaque())
            set.pointer(CURLOPT_ERRORBUFFER, errorBuffer)
            // None of the environment's: a proxy would connect where we may not, and see what we send.
            set.text(CURLOPT_PROXY, "")
            for (option, value) in [
                (CURLOPT_NOSIGNAL, 1), (CURLOPT_FOLLOWLOCATION, 0), (CURLOPT_NOPROGRESS, 0),
                (CURLOPT_SSL_VERIFYPEER, 1), (CURLOPT_SSL_VERIFYHOST, 2),
                (CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)),
                (CURLOPT_CONNECTTIMEOUT_MS, max(1, options.connectTimeoutMilliseconds)),
                (CURLOPT_TIMEOUT_MS, max(1, options.timeoutMilliseconds)),
            ] {
                set.number(option, value)
            }
            if let file = options.certificateAuthorityFile { set.text(CURLOPT_CAINFO, file) }
            if let file = options.certificateFile { set.text(CURLOPT_SSLCERT, file) }
            if let file = options.privateKeyFile { set.text(CURLOPT_SSLKEY, file) }
            set.check(gatewatch_curl_set_data_function(handle, CURLOPT_WRITEFUNCTION, Exchange.takeBody))
            set.pointer(CURLOPT_WRITEDATA, context)
            set.check(gatewatch_curl_set_data_function(handle, CURLOPT_HEADERFUNCTION, Exchange.takeHeader))
            set.pointer(CURLOPT_HEADERDATA, context)
            set.check(gatewatch_curl_set_progress_function(handle, Exchange.progress))
            set.pointer(CURLOPT_XFERINFODATA, context)
            set.check(gatewatch_curl_set_opensocket_function(handle, Exchange.openSocket))
            set.pointer(CURLOPT_OPENSOCKETDATA, context)
            return body(&set)
        }
    }

    /// What a code of libcurl means here.
    func error(_ code: CURLcode, _ exchange: Exchange) -> CurlError {
        if let address = exchange.forbidden, code == CURLE_COULDNT_CONNECT {
            return CurlError(.forbiddenAddress, message: "\(address) is not a public address")
        }
        let words = String(cString: errorBuffer)
        return CurlError(
            Self.kind(code), code: Int(code.rawValue),
            message: words.isEmpty ? String(cString: curl_easy_strerror(code)) : words)
    }

    private static func kind(_ code: CURLcode) -> CurlError.Kind {
        switch code {
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: .invalidURL
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .unresolvable
        case CURLE_COULDNT_CONNECT: .unreachable
        case CURLE_OPERATION_TIMEDOUT: .timeout
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS, CURLE_USE_SSL_FAILED:
            .tls
        case CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE, CURLE_RECV_ERROR, CURLE_SEND_ERROR: .closedEarly
        case CURLE_ABORTED_BY_CALLBACK: .cancelled
        default: .other
        }
    }
}
