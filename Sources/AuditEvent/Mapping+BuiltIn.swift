// SPDX-License-Identifier: Apache-2.0

package import YAMLDocument

extension Mapping {
    /// The mappings that are part of the program, by name.
    package static let builtInNames = ["raw", "ocsf", "teleport", "cloudtrail", "hoop", "sshd"]

    /// A built-in mapping by its name, else the mapping in the file of that path. Throws `DocumentError` when there is
    /// neither, or the file is no mapping.
    package static func named(_ name: String) throws(DocumentError) -> Mapping {
        let bytes: [UInt8]
        switch name {
        case "raw": return .raw
        case "ocsf": bytes = PackageResources.ocsf_yml
        case "teleport": bytes = PackageResources.teleport_yml
        case "cloudtrail": bytes = PackageResources.cloudtrail_yml
        case "hoop": bytes = PackageResources.hoop_yml
        case "sshd": bytes = PackageResources.sshd_yml
        default:
            do throws(DocumentError) {
                return try Mapping(path: name)
            } catch  where error.line == 0 {
                throw DocumentError(
                    file: error.file, key: error.key,
                    message: "\(error.message) Give a mapping file, or one of the built-in mappings: "
                        + builtInNames.joined(separator: ", ") + ".")
            }
        }
        let documents = try YAMLReader.documents(text: String(decoding: bytes, as: UTF8.self), file: "\(name).yml")
        guard let document = documents.first else { throw DocumentError(file: "\(name).yml", message: "is empty.") }
        return try Mapping(document)
    }
}
