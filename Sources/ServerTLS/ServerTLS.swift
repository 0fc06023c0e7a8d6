// SPDX-License-Identifier: Apache-2.0

package import NIOSSL

/// The TLS of what listens: gateway and console.
package enum ServerTLS {
    /// TLS 1.2 or later, with a certificate of files.
    ///
    /// - Parameters:
    ///   - certificateChainFile: PEM, the server's own certificate first.
    ///   - privateKeyFile: PEM.
    ///   - protocols: what ALPN offers (RFC 7301), the preferred one first.
    /// - Throws: NIOSSL's error when a file cannot be read or the key is not the certificate's.
    package static func configuration(
        certificateChainFile: String, privateKeyFile: String, protocols: [String]
    ) throws -> TLSConfiguration {
        let chain = try NIOSSLCertificate.fromPEMFile(certificateChainFile).map {
            NIOSSLCertificateSource.certificate($0)
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain, privateKey: .privateKey(try NIOSSLPrivateKey(file: privateKeyFile, format: .pem)))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = protocols
        // A key that does not fit is found here, not by the first who connects.
        _ = try NIOSSLContext(configuration: configuration)
        return configuration
    }
}
