// SPDX-License-Identifier: Apache-2.0

import Delivery
package import GRDB
import Incidents
import Routing

/// Every table of the hub's database.
package enum HubSchema {
    /// Creates or brings up to date the tables of all rooms that share it.
    ///
    /// - Throws: SQLite's error.
    package static func migrate(_ database: any DatabaseWriter) throws {
        try OutboxSchema.migrate(database)
        try RoutingSchema.migrate(database)
        try AlertStore.migrate(database)
        try IncidentSchema.migrate(database)
    }
}
