// SPDX-License-Identifier: Apache-2.0
import CCurl
import Foundation

/// A mail with its envelope.
package struct MailSubmission: Sendable {
    /// `host:port` of the server.
    package var smarthost: MailServer
    /// The envelope's sender.
    package var sender: String
    package var recipients: [String]
    package var username: String?
    package var password: Secret?
    /// The mail as RFC 5322 has it, lines ending in CRLF.
    package var content: [UInt8]
}

/// A mail server, and how far it is trusted.
package struct MailServer: Sendable, Equatable {
    /// smtp: plain until STARTTLS (RFC 3207); smtps: TLS from the first byte (RFC 8314), as port 465 has it.
    package let url: String
    /// For logs.
    package let endpoint: String
    /// False allows a server without TLS; certificates are checked all the same where there is one.
    package let requiresTLS: Bool

    /// - Parameters:
    ///   - smarthost: `host:port`; port 465 is TLS from the start.
    ///   - hello: our name in EHLO; libcurl takes it from the URL.
    /// - Throws: ``CurlError`` of kind `invalidURL`.
    package init(smarthost: String, hello: String? = nil, requiresTLS: Bool = true) throws(CurlError) {
        let scheme = smarthost.hasSuffix(":465") ? "smtps" : "smtp"
        let isPlain = smarthost.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || ".-:[]_".utf8.contains(byte)
        }
        guard isPlain, let colon = smarthost.lastIndex(of: ":"), colon != smarthost.startIndex,
            let port = Int(smarthost[smarthost.index(after: colon)...]), (1...65535).contains(port)
        else { throw CurlError(.invalidURL, message: "the smarthost is not host:port, such as mail.example.com:587") }
        let name = hello ?? ProcessInfo.processInfo.hostName
        let isName =
            !name.isEmpty && name.utf8.count <= 255
            && name.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || ".-".utf8.contains(byte)
            }
        endpoint = "\(scheme)://\(smarthost)"
        url = "\(endpoint)/\(isName ? name : "localhost")"
        self.requiresTLS = requiresTLS
    }
}

extension CurlClient {
    /// Hands a mail to its server and returns the server's last code.
    ///
    /// - Throws: ``CurlError``, of kind `refused` with the server's code if it refused; then nobody got the mail.
    package func submit(_ mail: MailSubmission) throws(CurlError) -> Int {
        for address in [mail.sender] + mail.recipients
        where address.utf8.contains(where: { $0 <= 0x20 || $0 >= 0x7F || $0 == 0x3C || $0 == 0x3E }) {
            throw CurlError(.invalidRequest, message: "'\(address.prefix(80))' cannot be an envelope's address")
        }
        let exchange = Exchange(options.addresses, cancellation)
        exchange.upload = mail.content
        let recipients = CurlList(mail.recipients.map { "<\($0)>" })
        let code = try transfer(exchange) { set in
            set.text(CURLOPT_URL, mail.smarthost.url)
            set.text(CURLOPT_PROTOCOLS_STR, "smtp,smtps")
            set.number(CURLOPT_USE_SSL, Int((mail.smarthost.requiresTLS ? CURLUSESSL_ALL : CURLUSESSL_TRY).rawValue))
            set.text(CURLOPT_MAIL_FROM, "<\(mail.sender)>")
            set.pointer(CURLOPT_MAIL_RCPT, recipients.head)
            if let username = mail.username, let password = mail.password {
                set.text(CURLOPT_USERNAME, username)
                set.text(CURLOPT_PASSWORD, password.revealed)
            }
            set.number(CURLOPT_UPLOAD, 1)
            set.check(gatewatch_curl_set_offset(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(mail.content.count)))
            set.check(gatewatch_curl_set_data_function(handle, CURLOPT_READFUNCTION, Exchange.giveBody))
            set.pointer(
                CURLOPT_READDATA, UnsafeRawPointer(Unmanaged.passUnretained(exchange).toOpaque()))
            return set.perform()
        }
        let reply = responseCode
        guard code == CURLE_OK else {
            let error = error(code, exchange)
            // The codes with which libcurl 7.88 reports an answer to MAIL, RCPT, DATA, the text and AUTH that is not 2yz.
            guard [CURLE_SEND_ERROR, CURLE_WEIRD_SERVER_REPLY, CURLE_RECV_ERROR, CURLE_LOGIN_DENIED].contains(code),
                (400..<600).contains(reply)
            else { throw error }
            throw CurlError(.refused, code: error.code, message: "SMTP \(reply): \(error.message)", reply: reply)
        }
        return reply
    }
}
