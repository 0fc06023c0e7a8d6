// SPDX-License-Identifier: Apache-2.0

import Notifications
import Routing
import YAMLDocument

extension ConfigurationFile {
    /// The tree under `hub.route` with what belongs to it; nil where there is none.
    func routing(receivers: [KnownReceiver]) throws(DocumentError) -> RoutingConfiguration? {
        guard let hub else { return nil }
        return try RoutingReader.configuration(hub, receivers: receivers)
    }

    /// The receivers that routes may name.
    func knownReceivers() throws(DocumentError) -> [KnownReceiver] { try receivers().map(KnownReceiver.init) }
}

extension KnownReceiver {
    /// A receiver as routing needs to know it.
    init(_ receiver: Receiver) {
        self.init(name: receiver.name, sendsResolved: receiver.integrations.contains(where: \.sendsResolved))
    }
}
