// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Asks the processor to have the memory at an address near by the time it is read. Changes nothing, and any address will do.
static inline __attribute__((always_inline)) void gw_prefetch(const void *address) {
    __builtin_prefetch(address);
}
