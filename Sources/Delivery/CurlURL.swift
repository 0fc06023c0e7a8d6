// SPDX-License-Identifier: Apache-2.0
import CCurl

/// A URL as libcurl reads it, so that a check at start-up and the request agree (RFC 3986, absolute, http or https).
package struct CurlURL: Sendable, Equatable {
    /// The whole URL; it may be a secret (many hooks carry their token in the path), so it is not for logs.
    package let text: String
    /// Scheme, host and port only: fit for logs.
    package let endpoint: String

    /// - Throws: ``CurlError`` of kind `invalidURL`.
    package init(_ text: String) throws(CurlError) {
        // A NUL would end the C string early, and a URL with one means something else to each reader.
        guard !text.isEmpty, text.utf8.count <= 8192, !text.utf8.contains(0), let handle = curl_url() else {
            throw CurlError(.invalidURL, message: "the URL is empty or too long")
        }
        defer { curl_url_cleanup(handle) }
        let code = curl_url_set(handle, CURLUPART_URL, text, 0)
        guard code == CURLUE_OK else {
            throw CurlError(.invalidURL, message: "not a URL: \(String(cString: curl_url_strerror(code)))")
        }
        func part(_ part: CURLUPart) -> String? {
            var pointer: UnsafeMutablePointer<CChar>?
            guard curl_url_get(handle, part, &pointer, 0) == CURLUE_OK, let pointer else { return nil }
            defer { curl_free(pointer) }
            return String(cString: pointer)
        }
        guard let scheme = part(CURLUPART_SCHEME), scheme == "http" || scheme == "https" else {
            throw CurlError(.invalidURL, message: "the URL's scheme is not http or https")
        }
        guard let host = part(CURLUPART_HOST), !host.isEmpty else {
            throw CurlError(.invalidURL, message: "the URL has no host")
        }
        self.text = text
        endpoint = "\(scheme)://\(host)" + (part(CURLUPART_PORT).map { ":\($0)" } ?? "")
    }
}
