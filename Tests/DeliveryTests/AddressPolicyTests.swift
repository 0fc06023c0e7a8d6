// SPDX-License-Identifier: Apache-2.0
import Addresses
import Delivery
import Testing

@Suite struct AddressPolicyTests {
    @Test(arguments: [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.255",
        "169.254.1.1",
        "172.16.0.0", "172.31.255.255", "192.0.0.1", "192.0.2.7", "192.88.99.1", "192.168.0.1", "198.18.0.1",
        "198.19.255.255", "198.51.100.1", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:c0a8:101::1", "fc00::1",
        "fd12:3456::1",
        "fe80::1", "fec0::1", "ff02::1", "3fff::1",
    ])
    func whatIsNotPublicIsRefusedUnlessPrivateIsAllowed(address: String) {
        #expect(!AddressPolicy.publicOnly.allows(address))
        #expect(AddressPolicy.allowingPrivate.allows(address))
    }

    @Test(arguments: [
        "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
        "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0", "223.255.255.255", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1",
        "2400::1", "2001:200::1",
    ])
    func whatIsPublicIsAllowed(address: String) {
        #expect(AddressPolicy.publicOnly.allows(address))
    }

    @Test(arguments: [
        "169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fd00:ec2::254", "168.63.129.16",
        "100.100.100.200", "169.254.170.2",
    ])
    func aCloudsMetadataIsRefusedUnlessItIsNamed(address: String) throws {
        #expect(!AddressPolicy.allowingPrivate.allows(address))
        let network = try #require(AddressNetwork(address))
        #expect(AddressPolicy(networks: [network]).allows(address))
    }

    @Test func aNetworkAllowsItselfOnly() throws {
        let policy = AddressPolicy(networks: try ["10.1.0.0/20", "fd12::/33"].map { try #require(AddressNetwork($0)) })
        #expect(policy.allows("10.1.15.255") && policy.allows("::ffff:10.1.0.1") && policy.allows("64:ff9b::10.1.0.1"))
        #expect(!policy.allows("10.1.16.0") && !policy.allows("127.0.0.1"))
        #expect(policy.allows("fd12:0:7fff::1") && !policy.allows("fd12:0:8000::1"))
    }

    @Test(arguments: [
        "", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0/8", "fd12::/129", "a", "1.2.3.4/5/6", "1.2.3.4/", "127.1",
    ])
    func whatIsNoNetworkIsRefused(text: String) {
        #expect(AddressNetwork(text) == nil)
    }
}
