// SPDX-License-Identifier: Apache-2.0
package import Logging

/// A syslog receiver over TLS (RFC 5425) that takes frames whose octets are counted already.
///
/// The protocol has no receipt: delivered means that the receiver's kernel acknowledged the bytes.
package struct SyslogTarget: DeliveryTarget {
    package let name: String
    package let endpoint: String
    private let url: CurlURL
    private let options: CurlClient.Options

    /// - Parameters:
    ///   - name: 1 to 64 of `[A-Za-z0-9_-]`.
    ///   - address: `host` or `host:port`; 6514 without (RFC 5425 section 4.1).
    /// - Throws: ``DeliveryError`` naming the target.
    package init(
        name: String, address: String, options: CurlClient.Options = CurlClient.Options()
    ) throws(DeliveryError) {
        try TargetName.check(name)
        let hasPort = address.hasPrefix("[") ? address.contains("]:") : address.contains(":")
        let full = hasPort ? address : address + ":6514"
        do {
            url = try CurlURL("https://\(full)")
        } catch {
            throw .badTarget(name: name, reason: "'\(address.prefix(80))' is not host:port")
        }
        guard url.endpoint == "https://\(full)" else {
            throw .badTarget(name: name, reason: "'\(address.prefix(80))' is not host:port")
        }
        self.name = name
        endpoint = "syslog+tls://\(full)"
        self.options = options
    }

    package func connect(_ cancellation: CurlCancellation, logger: Logger) throws -> any DeliveryConnection {
        SyslogConnection(TLSStream(url, options, cancellation: cancellation))
    }

    private final class SyslogConnection: DeliveryConnection {
        private let stream: TLSStream

        init(_ stream: TLSStream) {
            self.stream = stream
        }

        func attempt(_ message: OutgoingMessage) -> Attempt {
            do {
                try stream.write(message.body)
                return .delivered(status: nil)
            } catch {
                return Attempt(error)
            }
        }
    }
}
