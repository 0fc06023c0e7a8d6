// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The two things of simdjson that Gatewatch needs, behind a C face: the structural index of a document
/// (its stage 1, chosen for this processor at run time) and, for comparison in benchmarks, the whole DOM.
typedef struct gw_json gw_json;

/// A parser for one thread. NULL when there is no memory.
gw_json *gw_json_create(void);
void gw_json_destroy(gw_json *parser);

/// Finds the structural characters of a JSON text: each of `{ } [ ] : ,` outside strings, each opening quote and each
/// first byte of another scalar. Checks that the text is UTF-8, that strings close and hold no raw control
/// characters. Reads no byte past `length`.
/// Returns 0 and the offsets (valid until the next call; offsets[count] is `length`; none for white space alone), else
/// one of simdjson's error codes.
int gw_json_index(gw_json *parser, const uint8_t *text, size_t length, const uint32_t **offsets, size_t *count);

/// Parses the whole text into simdjson's DOM and forgets it. `text` must have gw_json_padding() readable bytes after it.
int gw_json_parse_dom(gw_json *parser, const uint8_t *text, size_t length);
size_t gw_json_padding(void);

/// What an error code of the two functions above means; a static text.
const char *gw_json_error(int code);

/// Reads a JSON number. Returns 0 when all `length` bytes were a number that a double can hold; one that is too small
/// for a double is zero.
int gw_json_double(const char *text, size_t length, double *value);

#ifdef __cplusplus
}
#endif
