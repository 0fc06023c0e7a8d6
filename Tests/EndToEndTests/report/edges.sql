-- What stands at the edges of the week: a ms before it begins, as it begins, in its last ms, as it ends. And what the month has
-- nothing of. Into the databases, before the report is made.
CREATE TEMP TABLE moments AS
SELECT 1 AS k, start - 1 AS t FROM week UNION SELECT 2, start FROM week UNION SELECT 3, stop - 1 FROM week UNION SELECT 4, stop FROM week;
CREATE TEMP TABLE model AS SELECT * FROM hub.alerts WHERE ifnull(rule_status, '') <> 'experimental' ORDER BY id LIMIT 1;
INSERT INTO hub.unreadable_alerts (topic, partition, record_offset, record_time, reason, received_at) SELECT 'edge', 0, k, t, 'edge', t FROM moments;
-- Alerts: of people by name, one of a rule that is being tried out, one of nobody.
CREATE TEMP TABLE fresh AS
SELECT 'edge-' || k AS id, 'edge-' || k AS identity, rule, t, 'stable' AS status, 50 + k AS risk FROM moments, model
UNION ALL SELECT 'edge-tried', 'edge-tried', rule, t, 'experimental', NULL FROM moments, model WHERE k = 2
UNION ALL SELECT 'edge-nobody', NULL, 'a rule that is gone', t, NULL, NULL FROM moments WHERE k = 3;
INSERT INTO hub.alerts (id, identity, rule, title, severity, time, rule_status, json, topic, partition, first_seen_offset, received_at)
SELECT f.id, f.identity, f.rule, 'At the edge', 3, t, status, json_object('time', t, 'risk_score', risk,
    'finding_info', json_object('first_seen_time', t - 1000 * length(f.id)),
    'unmapped', json_object('response', json_object('decision', iif(risk = 52 OR f.id = 'edge-tried', 'observed', 'refused'), 'order_uid', iif(risk > 0, f.id, NULL),
        'reason', CASE risk WHEN 52 THEN 'seen only' WHEN 53 THEN 'budget: 20 automatic orders' ELSE 'protected: edge' END), 'risk_terms', json_array(json_object('rule', f.rule, 'points', risk, 'alerts', 2, 'time', t)))),
    'edge', 0, 0, t + 37 * length(f.id) FROM fresh f;
INSERT INTO hub.incidents (id, identity, identity_key, title, status, version, opened_at, last_alert_at, closes_at, closed_at, closed_why,
    severity, risk_score, assignee, disposition, alerts)
SELECT 'edge-' || k, 'edge-' || k, 'edge-' || k, 'At the edge', iif(k = 2, 'open', 'closed'), 1, t - iif(k > 2, 86400000, 0), t + 86400000,
    t + 86400000, iif(k = 2, NULL, t), iif(k = 2, NULL, 'quiet'), iif(k = 3, 1, 4), 50 + k, iif(k = 1, 'ben', NULL),
    iif(k = 3, 'benign', NULL), 3 FROM moments;
INSERT INTO hub.incidents (id, title, status, version, opened_at, last_alert_at, closes_at, severity, alerts)
SELECT 'edge-open-' || k, 'Nobody is named', 'open', 1, t, t, t + 86400000, 3 + k % 2, 1 FROM moments;
INSERT INTO hub.incident_alerts (alert_id, incident_id, rule, time, severity, event, resource, bytes, items, disposition)
SELECT 'edge-' || a.k || '-' || b.k, 'edge-' || a.k, model.rule, b.t, 3, 'event-' || (b.k / 2), 'r' || b.k, 100 * b.k, 7 * b.k,
    iif(a.k = 3, iif(b.k = 2, 'false', 'true'), NULL) FROM moments a, moments b, model
UNION ALL SELECT 'edge-open-' || k, 'edge-open-' || k, 'a rule that is gone', t, 3, NULL, NULL, NULL, NULL, NULL FROM moments;
INSERT INTO hub.incident_entries (incident_id, at, kind, who, reference, text)
SELECT 'edge-2', t - n.value, iif(k = 3, 'notification', 'comment'), 'ana', NULL, 'word ' || n.value FROM moments, json_each('[0,1,2,3,4]') n;
-- Orders and approvals in each state.
INSERT INTO hub.incident_controls (id, kind, incident_id, identity_key, state, at, until, who, text, record, words)
SELECT 'edge-order-' || k || s.key, 'order', iif(k = 3, 'edge-3', iif(s.key = 2, 'edge-2', NULL)), 'edge-' || k, s.value, t, t + 3600000, 'ben', 'block',
    iif(s.key = 2, json_object('alert_uid', 'edge-2-2'), json_object('issuer', json_object('kind', iif(s.key = 1, 'person', 'automation')))), NULL
FROM moments, json_each('["active", "observed", "lifted", "superseded", "lifted", "lifted", "active"]') s
UNION ALL SELECT 'edge-ask-' || k || s.key, 'approval', NULL, 'edge-' || k, s.value, t, t + 3600000, 'edge-' || k, 'export',
    json_object('needed', 2), json_array(json_object('by', 'ben', 'verdict', 'approve'), json_object('by', iif(s.key = 4, 'ana', 'ben'),
        'verdict', 'approve'))
FROM moments, json_each('["pending", "approved", "used", "expired", "expired", "denied", "pending", "denied", "denied", "denied"]') s;
INSERT INTO hub.deliveries (message_id, target, ordering_key, body, state, created_at, updated_at)
SELECT 'edge-' || k || s.key, 'mail', 'edge', x'00', s.value, t, t + 1000 * (k + s.key)
FROM moments, json_each('["delivered", "delivered", "dead", "pending", "pending", "delivered"]') s;
-- Activity: new people reach new and old things in the hours and on the days at the edges.
INSERT INTO activity.identities (identity, first_at, last_at)
SELECT 'edge-' || k, t, t FROM moments WHERE k < 4 UNION ALL SELECT 'quiet-' || value, 0, stop - 60 * 86400000 - value FROM week, json_each('[0, 1, 2]');
INSERT INTO activity.connections (name) VALUES ('edge');
INSERT INTO activity.resources (connection_id, type, name)
SELECT connections.id, value, 'edge' FROM activity.connections, json_each('["checkpoint", "model", "corpus", "collection", "other"]') WHERE connections.name = 'edge';
CREATE TEMP TABLE hourly AS
SELECT t / 3600000 AS hour, i.id AS who, c.id AS place, o.value AS operation, d.value AS decision, k
FROM moments JOIN activity.identities i ON i.identity = 'edge-' || min(k, 3), activity.connections c, json_each('["vectors.query", "checkpoint.list"]') o,
    json_each('["allowed", "denied"]') d WHERE c.name = 'edge';
INSERT INTO activity.hours SELECT hour, who, place, operation, decision, 1000 + k, 2000 + k, 0, 3000 + k FROM hourly;
INSERT INTO activity.hour_totals SELECT hour, place, operation, decision, sum(1000 + k), sum(2000 + k), 0, sum(3000 + k) FROM hourly GROUP BY 1, 2, 3, 4;
INSERT INTO activity.coverage SELECT DISTINCT hour, 7, 10, 3, 2 FROM hourly;
-- An access class that was used last as the 60 days began, and in the hour before; both are active otherwise.
INSERT INTO activity.hours SELECT (stop / 3600000) - 60 * 24 - i.value, p.id, c.id, 'corpus.read', 'allowed', 1, 1, 0, 1
FROM week, json_each('[0, 1]') i, activity.connections c JOIN activity.identities p ON p.identity = 'edge-' || (i.value + 2) WHERE c.name = 'edge';
INSERT INTO activity.hours SELECT (stop / 3600000) - 30 * 24, p.id, c.id, 'config.change', 'allowed', 1, 1, 0, 1
FROM week, activity.connections c, activity.identities p WHERE c.name = 'edge' AND p.identity LIKE 'edge-_';
INSERT INTO activity.hour_totals SELECT hour, connection_id, operation, decision, sum(events), sum(items), 0, sum(bytes_out) FROM activity.hours
WHERE events = 1 AND connection_id = (SELECT id FROM activity.connections WHERE name = 'edge') GROUP BY 1, 2, 3, 4;
-- Days by UTC's dates: the day before the Monday, the Monday, the Sunday, the day after.
INSERT INTO activity.reach_days
SELECT strftime('%s', monday, d.value || ' days') / 86400, i.id, r.id, 20 + d.value, 30 + d.value, 40 + d.value, iif(i.identity = 'edge-2', 20 + d.value, 1), 5
FROM week, json_each('[-1, 0, 6, 7]') d, activity.identities i, activity.resources r WHERE i.identity IN ('edge-1', 'edge-2') AND r.name = 'edge';
-- First there in the ms before the Monday, as it begins, in the Sunday's last ms, as the next Monday begins.
INSERT INTO activity.reach
SELECT i.id, r.id, 1000 * strftime('%s', monday, CASE identity WHEN 'edge-1' THEN '0' WHEN 'edge-2' THEN '0' ELSE '7' END || ' days')
    - (identity IN ('edge-1', 'edge-3')), 0, 9, 9, 9, iif(i.identity LIKE '%-2', 9, 0), 0
FROM week, activity.identities i, activity.resources r
WHERE r.name = 'edge' AND (i.identity IN ('edge-1', 'edge-2', 'edge-3', 'quiet-0') OR i.identity = 'quiet-1' AND type <> 'other' OR i.identity = 'quiet-2' AND type = 'other');
-- Sessions: of exactly a day, of a ms more; ended as the week began and a ms before; from two addresses, one after the other and at once.
INSERT INTO activity.sessions (session, identity_id, started_at, last_at, address, user_agent, events, denied, items, bytes_out)
SELECT column1, i.id, start + column3, start + column4, column5, NULL, column2, 0, 0, 0
FROM week, (VALUES ('day', 11, 0, 86400000, 'a'), ('long', 12, 0, 86400001, 'a'), ('over', 13, -90000001, -1, 'b'), ('from', 14, -90000000, 0, 'b'),
    ('next', 15, 86400001, 86500000, 'c'), ('same', 16, 86400000, 86400100, 'c'), ('home', 17, 100, 200, 'a'), ('there', 18, 150, 300, 'c')),
    activity.identities i WHERE identity = iif(column2 IN (12, 15), 'edge-1', iif(column2 = 13, 'edge-3', 'edge-2'));
INSERT INTO activity.changes (event_id, at, identity_id, operation, resource_id, change_id, approval_id, decision)
SELECT 'edge-' || k || d.value || c.value, t, i.id, 'policy.change', NULL, iif(c.value, 'chg-1', NULL), 'apr-1', d.value
FROM moments, json_each('["allowed", "denied", "approval", "failed"]') d, json_each('[0, 1]') c, activity.identities i WHERE identity = 'edge-1';
INSERT INTO hub.routing_suppressed
SELECT 'edge-' || k, value, 0 FROM moments, json_each('["silenced", "inhibited", "muted"]') WHERE value <> 'muted' OR k = 2
UNION ALL SELECT 'edge-tried', 'silenced', 0;
-- The hub's API tokens, of which the console's room has the table.
CREATE TABLE IF NOT EXISTS hub.api_tokens (id TEXT, name TEXT, owner TEXT, created_at INTEGER, expires_at INTEGER, revoked_at INTEGER);
INSERT INTO hub.api_tokens (id, name, owner, created_at, expires_at, revoked_at)
SELECT column1, column1, 'ben', stop + column2, stop + column3, stop + column4 FROM week, (VALUES ('old', -9e9, 1, NULL), ('new', -1, 1, 0),
    ('over', -9, 0, NULL), ('later', 0, 9, NULL), ('revoked', -9, 9, -1), ('older', -9.5e9, 1, 1));
