// SPDX-License-Identifier: Apache-2.0
// The header has it all; a target needs something to compile.
#include "CPrefetch.h"
