// SPDX-License-Identifier: Apache-2.0

import Testing

// The real binary, run, killed and abused. Within each of these suites one test comes after the other: each starts several
// processes and a broker. They wait more than they compute, so the suites run beside each other.

/// The commands, and `demo`.
@Suite(.serialized) struct EndToEnd {}

/// `detect` and `hub` on a broker.
@Suite(.serialized) struct DetectEndToEnd {}

/// `gateway` and what is done to it by hand.
@Suite(.serialized) struct GatewayEndToEnd {}
