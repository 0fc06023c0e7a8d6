// SPDX-License-Identifier: Apache-2.0
#include "CSimdJSON.h"

#include <charconv>
#include <memory>
#include <new>
#include <simdjson.h>
#include <string_view>

namespace {
constexpr size_t firstCapacity = 64 * 1024;
constexpr size_t depth = 256;
constexpr size_t prefetched = 2048;
}  // namespace

struct gw_json {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> stage1;
    simdjson::dom::parser dom;
};

gw_json *gw_json_create(void) {
    std::unique_ptr<gw_json> parser{new (std::nothrow) gw_json};
    if (!parser) return nullptr;
    auto error = simdjson::get_active_implementation()->create_dom_parser_implementation(
        firstCapacity, depth, parser->stage1);
    return error ? nullptr : parser.release();
}

void gw_json_destroy(gw_json *parser) { delete parser; }

int gw_json_index(gw_json *parser, const uint8_t *text, size_t length, const uint32_t **offsets, size_t *count) {
    auto &stage1 = *parser->stage1;
    if (length > stage1.capacity()) {
        if (auto error = stage1.set_capacity(length * 2)) return error;
    }
    auto error = stage1.stage1(text, length, simdjson::stage1_mode::regular);
    // The next event mostly follows this one (a fetched batch of Kafka, a file): it is on its way while this one is judged. Asking for
    // memory that is not there does no harm.
    const size_t ahead = length < prefetched ? length : prefetched;
    for (size_t at = 0; at < ahead; at += 64) __builtin_prefetch(text + length + at);
    if (error == simdjson::EMPTY) {
        stage1.n_structural_indexes = 0;
        error = simdjson::SUCCESS;
    }
    *offsets = stage1.structural_indexes.get();
    *count = error ? 0 : stage1.n_structural_indexes;
    // simdjson writes its own sentinels there; ours does not depend on them.
    stage1.structural_indexes[*count] = static_cast<uint32_t>(length);
    return error;
}

int gw_json_parse_dom(gw_json *parser, const uint8_t *text, size_t length) {
    return parser->dom.parse(text, length, false).error();
}

size_t gw_json_padding(void) { return simdjson::SIMDJSON_PADDING; }

const char *gw_json_error(int code) {
    return simdjson::error_message(static_cast<simdjson::error_code>(code));
}

int gw_json_double(const char *text, size_t length, double *value) {
    auto result = std::from_chars(text, text + length, *value);
    if (result.ptr != text + length) return 1;
    if (result.ec == std::errc()) return 0;
    // Out of range: too small is zero, as for every other reader; too large is no number.
    auto exponent = std::string_view{text, length}.find_first_of("eE");
    if (exponent == std::string_view::npos || exponent + 1 >= length || text[exponent + 1] != '-') return 1;
    *value = text[0] == '-' ? -0.0 : 0.0;
    return 0;
}
