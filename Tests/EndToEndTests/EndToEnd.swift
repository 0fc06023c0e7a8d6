// SPDX-License-Identifier: Apache-2.0

import Testing

/// The real binary, run, killed and abused. One test after the other: each starts several processes and a broker.
@Suite(.serialized) struct EndToEnd {}
