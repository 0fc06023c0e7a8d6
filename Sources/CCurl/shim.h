// SPDX-License-Identifier: Apache-2.0
// libcurl's setopt and getinfo are variadic, which Swift cannot call: one wrapper per argument type.
#pragma once
#include <curl/curl.h>

static inline CURLcode gatewatch_curl_global_init(void) { return curl_global_init(CURL_GLOBAL_DEFAULT); }

static inline CURLcode gatewatch_curl_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode gatewatch_curl_set_offset(CURL *handle, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode gatewatch_curl_set_string(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode gatewatch_curl_set_pointer(CURL *handle, CURLoption option, const void *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode gatewatch_curl_set_headers(CURL *handle, struct curl_slist *headers) {
    return curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
}

typedef size_t (*gatewatch_curl_data_function)(char *data, size_t size, size_t count, void *context);

/// `option` is CURLOPT_WRITEFUNCTION or CURLOPT_HEADERFUNCTION.
static inline CURLcode gatewatch_curl_set_data_function(
    CURL *handle, CURLoption option, gatewatch_curl_data_function function) {
    return curl_easy_setopt(handle, option, function);
}

static inline CURLcode gatewatch_curl_set_progress_function(CURL *handle, curl_xferinfo_callback function) {
    return curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, function);
}

static inline CURLcode gatewatch_curl_get_long(CURL *handle, CURLINFO info, long *value) {
    return curl_easy_getinfo(handle, info, value);
}

static inline CURLcode gatewatch_curl_set_opensocket_function(CURL *handle, curl_opensocket_callback function) {
    return curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, function);
}

static inline CURLcode gatewatch_curl_get_socket(CURL *handle, curl_socket_t *value) {
    return curl_easy_getinfo(handle, CURLINFO_ACTIVESOCKET, value);
}

#if defined(__linux__)
#include <linux/sockios.h>
#include <sys/ioctl.h>
/// Bytes that were written to a TCP socket and that the other side's kernel has not acknowledged; -1 if it cannot be told.
static inline int gatewatch_unacknowledged(int socket) {
    int count = 0;
    return ioctl(socket, SIOCOUTQ, &count) == 0 ? count : -1;
}
#else
static inline int gatewatch_unacknowledged(int socket) { return -1; }
#endif
