// SPDX-License-Identifier: Apache-2.0

import Desk
import HTTPTypes
import Hummingbird
import Incidents
import Paging
import Routing
import Web

extension Console {
    struct SilencesPage: Sendable {
        struct Row: Sendable {
            let id: String
            let state: StateText
            let isLive: Bool
            let matchers: String
            let comment: String
            let by: String
            let from: TimeText
            let until: TimeText
        }

        struct Draft: Sendable {
            let matchers: String?
            let comment: String?
        }

        let isAll: Bool
        let silences: [Row]
        let pager: Pager?
        let draft: Draft
    }

    /// `/silences`, adding and ending.
    func addSilences(to router: Router<WebContext>) {
        router.get("silences") { request, context in
            try await silences(request, context, matchers: try request.query()["matchers"])
        }
        router.post("silences") { request, context in
            let form = context.form
            return try await act(
                done: "silenced", next: "/silences",
                again: { notice, status in
                    try await silences(
                        request, context, matchers: form?["matchers"], comment: form?["comment"], notice: notice,
                        status: status)
                }
            ) {
                let form = try form ?? FormFields("")
                guard let lifetime = form["lifetime"].flatMap({ Int64($0) }), (1...366 * 86_400_000).contains(lifetime)
                else { throw WebFault.invalid("lifetime", "Say for how long.") }
                _ = try await desk.addSilence(
                    matchers: try form.required("matchers", "which alerts"), endsAt: now() + lifetime,
                    comment: try form.required("comment", "why"), by: try context.actor)
            }
        }
        router.post("silences/:id/expire") { request, context in
            let id = try context.part("id")
            return try await act(
                done: "expired", next: "/silences",
                again: { notice, status in try await silences(request, context, notice: notice, status: status) }
            ) { _ = try await desk.expireSilence(id, by: try context.actor) }
        }
    }

    private func silences(
        _ request: Request, _ context: WebContext, matchers: String? = nil, comment: String? = nil,
        notice: Notice? = nil, status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        let query = try request.query()
        let now = now()
        let isAll = query["all"] != nil
        let found = try await desk.silences(
            isAll: isAll, after: query["cursor"], limit: 100, for: try context.actor)
        return try await page(
            "Silences", "silences",
            SilencesPage(
                isAll: isAll,
                silences: found.items.map { silence in
                    let state = silence.state(at: now)
                    return SilencesPage.Row(
                        id: silence.id, state: StateText(state.rawValue), isLive: state != .expired,
                        matchers: silence.matchers.text, comment: silence.comment, by: silence.createdBy,
                        from: TimeText(silence.startsAt, now: now), until: TimeText(silence.endsAt, now: now))
                },
                pager: Pager(
                    path: "/silences", query: [("all", query["all"])], cursor: query["cursor"], next: found.next),
                draft: .init(matchers: matchers, comment: comment)), request, context, notice: notice, status: status)
    }
}
