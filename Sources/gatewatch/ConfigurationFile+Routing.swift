// SPDX-License-Identifier: Apache-2.0

import Routing
import YAMLDocument

extension ConfigurationFile {
    /// The tree under `hub.route` with what belongs to it; nil where there is none.
    func routing(receivers: [KnownReceiver]) throws(DocumentError) -> RoutingConfiguration? {
        guard let hub else { return nil }
        return try RoutingReader.configuration(hub, receivers: receivers)
    }

    /// The receivers that routes may name: each webhook is one, by its name.
    func knownReceivers() throws(DocumentError) -> [KnownReceiver] {
        var receivers: [KnownReceiver] = []
        for node in hub?["webhooks"]?.items() ?? [] {
            receivers.append(KnownReceiver(name: try node.required("name").text()))
        }
        return receivers
    }
}
