// SPDX-License-Identifier: Apache-2.0

package import Kafka

/// What becomes of the records of a topic. One is made for each consumer's life and used on the follower's thread only.
package protocol RecordSink {
    /// Records that were taken and not written yet.
    var pending: Int { get }

    /// What is to be done now and then beside the records.
    var chores: [Chore] { get }

    /// Where to read on; a partition that is left out begins where the group's own offsets say.
    func starts(of partitions: [TopicPartition]) throws -> [TopicPartition: Int64]

    func take(_ record: borrowing ConsumerRecord)

    /// Writes what is pending in one transaction; where the database says where to read on, that too. What fails has written nothing,
    /// lost nothing and is tried again.
    ///
    /// - Returns: per partition the next offset to read, for the group's own offsets.
    /// - Throws: ``ReadAnew`` when trying again is of no use; what SQLite says.
    func write() throws -> [TopicPartition: Int64]

    /// Another member of the group reads these from now on; what is pending of them is written now or never.
    ///
    /// - Parameter isLost: they may have been read by it for a while.
    func letGo(_ partitions: [TopicPartition], isLost: Bool) throws
}

/// What is done now and then on a follower's thread, between records.
package struct Chore {
    /// What is said when it fails: `recordings cannot be signed`.
    let complaint: String
    /// ms from one time to the next.
    let interval: Int64
    /// Also when the follower stops.
    let runsAtEnd: Bool
    /// Is given the time, ms since the epoch; returns whether there is more to do at once. One step a round, so that records do not wait.
    let work: (Int64) throws -> Bool

    package init(
        _ complaint: String, every interval: Int64, runsAtEnd: Bool = false, work: @escaping (Int64) throws -> Bool
    ) {
        self.complaint = complaint
        self.interval = interval
        self.runsAtEnd = runsAtEnd
        self.work = work
    }
}

/// What is pending is of no use any more: it is dropped, and read again by a new consumer.
package struct ReadAnew: Error, CustomStringConvertible {
    package let description: String

    package init(_ reason: String) { description = reason }
}
