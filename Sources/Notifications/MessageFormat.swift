// SPDX-License-Identifier: Apache-2.0

/// A medium's form of a message. Pure: the same message gives the same bytes.
package enum MessageFormat: Sendable {
    /// The body of a Standard Webhook.
    case webhook
    /// A Slack incoming webhook.
    case slack(MessageTemplates)
    /// A PagerDuty event, without its routing key.
    case pagerDuty(MessageTemplates)
    /// A Teams Adaptive Card.
    case teams(MessageTemplates)
    /// A mail.
    case mail(MailFormat, MessageTemplates)
    /// The findings as they came.
    case ocsf(OCSFFormat)
    /// Syslog frames with a CEF line each.
    case cef(CEFFormat)

    /// What is sent; nil if the medium has nothing to say of such a message: a SIEM gets alerts, once.
    package func payload(_ message: Message) -> Payload? {
        switch self {
        case .webhook: WebhookFormat.payload(message)
        case .slack(let templates): SlackFormat.payload(message, templates)
        case .pagerDuty(let templates): PagerDutyFormat.payload(message, templates)
        case .teams(let templates): TeamsFormat.payload(message, templates)
        case .mail(let mail, let templates): mail.payload(message, templates)
        case .ocsf(let format): isAlerts(message) ? format.payload(message.alerts) : nil
        case .cef(let format): isAlerts(message) ? format.payload(message) : nil
        }
    }

    /// Whether each alert is told for itself.
    var isPerAlert: Bool {
        switch self {
        case .ocsf, .cef: true
        case .webhook, .slack, .pagerDuty, .teams, .mail: false
        }
    }

    /// Whether it hears that somebody took the incident: who pages people stops then.
    var hearsAcknowledged: Bool {
        if case .pagerDuty = self { true } else { false }
    }

    private func isAlerts(_ message: Message) -> Bool {
        (message.status == .firing || message.status == .test) && !message.alerts.isEmpty
    }
}
