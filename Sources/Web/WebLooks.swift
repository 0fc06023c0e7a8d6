// SPDX-License-Identifier: Apache-2.0

/// How pages look that the server itself answers. The room Console has the looks; this one knows no HTML.
package protocol WebLooks: Sendable {
    /// A page that says what went wrong and what to do. ``WebContext/visitor`` may be nil.
    func page(fault: WebFault, context: WebContext) -> String
    /// The page after logging out.
    ///
    /// - Parameter issuerURL: where the session at the provider can be ended too, if it has such a page.
    func loggedOut(issuerURL: String?, context: WebContext) -> String
    /// Asks whether to log out.
    func askLogout(context: WebContext) -> String
}
