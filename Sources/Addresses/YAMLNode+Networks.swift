// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

extension YAMLNode {
    /// A network or a list of them, in CIDR form or as addresses.
    ///
    /// - Throws: `DocumentError` where one is neither.
    package func networks() throws(DocumentError) -> [AddressNetwork] {
        var networks: [AddressNetwork] = []
        for item in items() {
            guard let network = AddressNetwork(try item.text()) else {
                throw item.error("'\(try item.text())' is not a network. Write 10.20.0.0/16, fd12::/32 or 192.0.2.7.")
            }
            networks.append(network)
        }
        return networks
    }
}
