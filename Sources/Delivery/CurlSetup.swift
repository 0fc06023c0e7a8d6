// SPDX-License-Identifier: Apache-2.0
import CCurl

/// Sets options of a handle, and remembers the first that libcurl refused.
struct CurlSetup {
    private let handle: UnsafeMutableRawPointer
    private var failed = CURLE_OK

    init(_ handle: UnsafeMutableRawPointer) {
        self.handle = handle
    }

    mutating func check(_ code: CURLcode) { if failed == CURLE_OK { failed = code } }

    /// libcurl copies the text.
    mutating func text(_ option: CURLoption, _ value: String) {
        check(gatewatch_curl_set_string(handle, option, value))
    }

    mutating func number(_ option: CURLoption, _ value: Int) {
        check(gatewatch_curl_set_long(handle, option, value))
    }

    /// libcurl keeps the pointer: it must stand through the transfer.
    mutating func pointer(_ option: CURLoption, _ value: UnsafeRawPointer?) {
        check(gatewatch_curl_set_pointer(handle, option, value))
    }

    /// Runs the transfer, if every option was taken.
    func perform() -> CURLcode {
        failed == CURLE_OK ? curl_easy_perform(handle) : failed
    }
}

/// A list of texts as libcurl takes it.
final class CurlList {
    private(set) var head: UnsafeMutablePointer<curl_slist>?

    init(_ texts: [String]) {
        for text in texts { head = curl_slist_append(head, text) }
    }

    deinit { curl_slist_free_all(head) }
}
