// SPDX-License-Identifier: Apache-2.0

package import Incidents
import Routing

extension IncidentStore {
    /// Incidents whose turns the receivers of their alerts hear of: the hub's, and those of commands beside it.
    package static let routed = IncidentStore { turn, incident, now, db in
        switch turn {
        case .taken: try RoutingEngine.acknowledge(incident: incident, in: db)
        case .released: try RoutingEngine.takeBack(acknowledgementOf: incident, in: db)
        case .over: try RoutingEngine.resolve(incident: incident, now: now, in: db)
        }
    }
}
