// SPDX-License-Identifier: Apache-2.0

import Charts
import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import Web

/// What pages load: the style sheet, the script, the icon. All of it is in the program; pages name its version, so that browsers keep
/// each one for good.
struct Assets: Sendable {
    let version: String
    private let files: [(path: RouterPath, type: String, bytes: [UInt8])]

    /// - Parameter more: styles of what pages show and other rooms make.
    init(css more: String) {
        let css = PackageResources.console_css + Array(ChartStyle.css.utf8) + Array(more.utf8)
        files = [
            ("assets/console.css", "text/css; charset=utf-8", css),
            ("assets/console.js", "text/javascript; charset=utf-8", PackageResources.console_js),
            ("assets/icon.svg", "image/svg+xml", PackageResources.icon_svg),
        ]
        var hash = SHA256()
        for file in files { hash.update(data: Data(file.bytes)) }
        version = hash.finalize().prefix(6).map { String($0, radix: 36) }.joined()
    }

    func add(to router: Router<WebContext>) {
        for file in files {
            router.get(file.path) { [version] request, _ in
                var response = Response.bytes(file.bytes, type: file.type)
                let isVersioned = try request.query()["v"] == version
                response.headers[.cacheControl] = isVersioned ? "public, max-age=31536000, immutable" : "no-cache"
                return response
            }
        }
    }
}
