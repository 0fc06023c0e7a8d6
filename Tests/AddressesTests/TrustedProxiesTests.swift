// SPDX-License-Identifier: Apache-2.0

import Addresses
import Testing

@Suite("Trusted proxies")
struct TrustedProxiesTests {
    let proxies = TrustedProxies(["10.0.0.0/8", "fd00::/8"].map(AddressNetwork.init(known:)))

    @Test(
        "the client is the last address on the way that is no proxy of ours",
        arguments: [
            ("10.0.0.1", ["198.51.100.7"], "198.51.100.7", ["10.0.0.1"]),
            // What the client wrote itself stands before what the proxy appended.
            ("10.0.0.1", ["192.0.2.1, 198.51.100.7"], "198.51.100.7", ["10.0.0.1"]),
            ("10.0.0.1", ["192.0.2.1", "198.51.100.7"], "198.51.100.7", ["10.0.0.1"]),
            ("10.0.0.1", ["198.51.100.7, 10.9.9.9"], "198.51.100.7", ["10.9.9.9", "10.0.0.1"]),
            ("fd00::1", ["2001:db8::7"], "2001:db8::7", ["fd00::1"]),
            ("::ffff:10.0.0.1", ["198.51.100.7"], "198.51.100.7", ["10.0.0.1"]),
            ("10.0.0.1", ["198.51.100.7:4711"], "198.51.100.7", ["10.0.0.1"]),
            ("10.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7", ["10.0.0.1"]),
            ("10.0.0.1", ["  198.51.100.7\t"], "198.51.100.7", ["10.0.0.1"]),
            // Only proxies on the way: the first of them is the client.
            ("10.0.0.1", ["10.0.0.5, 10.0.0.4"], "10.0.0.5", ["10.0.0.4", "10.0.0.1"]),
        ] as [(String, [String], String, [String])])
    func client(_ peer: String, _ header: [String], _ address: String, _ through: [String]) {
        #expect(proxies.source(peer: peer) { header } == .init(address: address, proxies: through))
    }

    @Test("nobody else is believed")
    func others() {
        for peer in ["198.51.100.9", "2001:db8::9", "unknown", ""] {
            #expect(proxies.source(peer: peer) { ["192.0.2.1"] } == .init(address: peer))
        }
        var asked = 0
        _ = TrustedProxies().source(peer: "10.0.0.1") {
            asked += 1
            return ["192.0.2.1"]
        }
        #expect(asked == 0)
    }

    @Test(
        "what is no address ends the way",
        arguments: [
            [], [""], [","], ["unknown"], ["<script>"], ["198.51.100.7, _hidden"], ["198.51.100.7, "],
            [String(repeating: "1", count: 100_000)], ["1.2.3.4.5"], ["[2001:db8::7"], ["198.51.100.7:x:y"],
        ])
    func noAddress(_ header: [String]) {
        let source = proxies.source(peer: "10.0.0.1") { header }
        // An element that is empty is none.
        let expected = ["198.51.100.7, "] == header ? "198.51.100.7" : "10.0.0.1"
        #expect(source.address == expected)
    }

    @Test("a chain without end is looked at from its end")
    func long() {
        let header = ["192.0.2.1"] + Array(repeating: "10.0.0.2", count: 10_000)
        let source = proxies.source(peer: "10.0.0.1") { header }
        #expect(source.address == "10.0.0.2")
        #expect(source.proxies.count == 32)
    }
}
