-- The rows of every table as CSV must have them, out of the JSON form, which the other files have checked. One line per table.
CREATE TEMP TABLE form AS SELECT json_extract(CAST(readfile('codes.json') AS TEXT), '$.report') AS r;
CREATE TEMP TABLE top AS
SELECT list.key AS list, e.key AS place, e.value AS v, (SELECT group_concat(h.value, ';') FROM json_each(e.value, '$.history') h) AS history,
    (SELECT group_concat((t.value ->> 'rule') || ' ' || rtrim(rtrim(printf('%.1f', t.value ->> 'points'), '0'), '.')
        || iif(t.value ->> 'alerts' > 1, ' (' || (t.value ->> 'alerts') || ')', ''), ' + ') FROM json_each(e.value, '$.terms') t WHERE t.key < 4) AS terms
FROM form, json_each(r, '$.risk') list, json_each(list.value) e WHERE list.key IN ('top', 'risers', 'fallers');
CREATE TEMP VIEW rows_of AS
SELECT 'gaps' AS t, key AS n, json_array(strftime('%Y-%m-%dT%H:%M:%fZ', (value ->> 'from') / 1000.0, 'unixepoch'), value ->> 'hours') AS row FROM form, json_each(r, '$.header.gaps')
UNION ALL SELECT 'incidents_by_severity', key, json_array(value ->> 'severity', value ->> 'opened', value ->> 'opened_before') FROM form, json_each(r, '$.summary.incidents_by_severity')
UNION ALL SELECT 'risk_' || list, place, json_array(v ->> '$.who.name', v ->> 'role', v ->> 'peer_group', v ->> 'score', v ->> 'level', v ->> 'delta', history, ifnull(terms, '')) FROM top
UNION ALL SELECT 'risk_bands', -b.key, json_array(b.value ->> 'level', b.value ->> '$.counts[0]', b.value ->> '$.counts[1]', b.value ->> '$.counts[2]', b.value ->> '$.counts[3]', b.value ->> '$.counts[4]', b.value ->> '$.counts[5]', b.value ->> '$.counts[6]', b.value ->> '$.counts[7]') FROM form, json_each(r, '$.risk.bands') b
UNION ALL SELECT 'signals', key, json_array(value ->> 'title', value ->> 'alerts', (value ->> 'alerts') - (value ->> 'alerts_before'), value ->> 'identities', value ->> 'judged', value ->> 'precision') FROM form, json_each(r, '$.signals.families')
UNION ALL SELECT 'signals_by_hour', d.key, (SELECT json_group_array(value) FROM (SELECT json_extract('["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]', '$[' || d.key || ']') AS value UNION ALL SELECT value FROM json_each(d.value))) FROM form, json_each(r, '$.signals.heat') d
UNION ALL SELECT m.key, d.key, json_array(d.value, json_extract(m.value, '$.values[' || d.key || ']'), json_extract(m.value, '$.expected[' || d.key || ']'), json_extract(m.value, '$.low[' || d.key || ']'), json_extract(m.value, '$.high[' || d.key || ']'), json_extract(m.value, '$.limit[' || d.key || ']')) FROM form, json_each(r, '$.signals') m, json_each(m.value, '$.days') d WHERE m.key IN ('bytes_out', 'vectors_out')
UNION ALL SELECT 'assets_' || (g.value ->> 'kind'), a.key, json_array(a.value ->> 'name', a.value ->> 'type', a.value ->> 'connection', a.value ->> 'identities', a.value ->> 'first_time', a.value ->> 'events', a.value ->> 'items', a.value ->> 'bytes_out', a.value ->> 'bytes_out_before', a.value ->> 'denied', a.value ->> 'unapproved') FROM form, json_each(r, '$.assets.groups') g, json_each(g.value, '$.assets') a
UNION ALL SELECT 'unapproved', key, json_array(value ->> '$.who.name', value ->> 'asset', value ->> 'connection', value ->> 'events', value ->> 'items', value ->> 'bytes_out') FROM form, json_each(r, '$.assets.unapproved')
UNION ALL SELECT 'unapproved_by_connection', key, json_array(value ->> 'connection', value ->> 'identities', value ->> 'events', value ->> 'bytes_out') FROM form, json_each(r, '$.assets.unapproved_by_connection')
UNION ALL SELECT 'incidents', key, json_array(value ->> 'id', value ->> 'severity', value ->> '$.who.name', value ->> 'title', strftime('%Y-%m-%dT%H:%M:%fZ', (value ->> 'opened_at') / 1000.0, 'unixepoch'), strftime('%Y-%m-%dT%H:%M:%fZ', (value ->> 'last_alert_at') / 1000.0, 'unixepoch'), value ->> 'alerts', value ->> 'risk_score', value ->> 'bytes', value ->> 'items', value ->> 'status', ifnull(value ->> 'owner', 'nobody'), ifnull(value ->> 'disposition', 'none')) FROM form, json_each(r, '$.incidents.list')
UNION ALL SELECT 'orders', key, json_array(value ->> 'id', strftime('%Y-%m-%dT%H:%M:%fZ', (value ->> 'at') / 1000.0, 'unixepoch'), value ->> 'state', value ->> 'issuer', value ->> 'text', ifnull(value ->> 'incident', 'none')) FROM form, json_each(r, '$.enforcement.orders')
UNION ALL SELECT 'approvals', key, json_array(value ->> 'id', strftime('%Y-%m-%dT%H:%M:%fZ', (value ->> 'at') / 1000.0, 'unixepoch'), value ->> 'state', value ->> 'requester', ifnull(value ->> 'decided_by', 'nobody'), value ->> 'text') FROM form, json_each(r, '$.enforcement.approvals')
UNION ALL SELECT 'decisions', key, json_array(value ->> 'decision', ifnull(value ->> 'reason', 'within the budget'), value ->> 'alerts') FROM form, json_each(r, '$.enforcement.decisions')
UNION ALL SELECT 'protected', key, json_array(value ->> '$.who.name', value ->> 'events', value ->> 'denied') FROM form, json_each(r, '$.enforcement.protected')
UNION ALL SELECT 'tokens', key, json_array(value ->> 'name', value ->> 'owner', strftime('%Y-%m-%dT%H:%M:%fZ', (value ->> 'created_at') / 1000.0, 'unixepoch'), strftime('%Y-%m-%dT%H:%M:%fZ', (value ->> 'expires_at') / 1000.0, 'unixepoch'), value ->> 'age_days') FROM form, json_each(r, '$.access.tokens')
UNION ALL SELECT 'leavers', key, json_array(value ->> '$.who.name', value ->> 'end_date', value ->> 'events') FROM form, json_each(r, '$.access.leavers')
UNION ALL SELECT 'dormant', key, json_array(value ->> '$.who.name', strftime('%Y-%m-%dT%H:%M:%fZ', (value ->> 'last_at') / 1000.0, 'unixepoch'), value ->> 'resources') FROM form, json_each(r, '$.access.dormant')
UNION ALL SELECT 'unused', key, json_array(value ->> '$.who.name', value ->> 'access_class', strftime('%Y-%m-%dT%H:%M:%fZ', (value ->> 'last_at') / 1000.0, 'unixepoch')) FROM form, json_each(r, '$.access.unused')
UNION ALL SELECT 'long_sessions', key, json_array(value ->> '$.who.name', strftime('%Y-%m-%dT%H:%M:%fZ', (value ->> 'started_at') / 1000.0, 'unixepoch'), value ->> 'hours', value ->> 'events') FROM form, json_each(r, '$.access.long_sessions')
UNION ALL SELECT 'shared', key, json_array(value ->> '$.who.name', value ->> 'sessions', value ->> 'addresses') FROM form, json_each(r, '$.access.shared')
UNION ALL SELECT 'changes', c.key, json_array(strftime('%Y-%m-%dT%H:%M:%fZ', (value ->> 'at') / 1000.0, 'unixepoch'), value ->> '$.who.name', value ->> 'operation', ifnull(value ->> 'resource', 'not named'), iif(value -> 'rules' = '[]', 'no alert', 'outside: ' || CASE json_array_length(value, '$.rules') WHEN 1 THEN value ->> '$.rules[0]' WHEN 2 THEN (value ->> '$.rules[0]') || ' and ' || (value ->> '$.rules[1]') ELSE (value ->> '$.rules[0]') || ', ' || (value ->> '$.rules[1]') || ' and ' || (value ->> '$.rules[2]') END), ifnull(value ->> 'change_id', 'none'), value ->> 'decision', value ->> 'event') FROM form, json_each(r, '$.changes.list') c
UNION ALL SELECT 'rules', key, json_array(value ->> 'rule', value ->> 'level', value ->> 'status', value ->> 'alerts', (value ->> 'alerts') - (value ->> 'alerts_before'), value ->> 'identities', value ->> 'judged', value ->> 'false_alerts', value ->> 'false_share') FROM form, json_each(r, '$.detection.rules')
UNION ALL SELECT 'silent_rules', key, json_array(value) FROM form, json_each(r, '$.detection.silent')
UNION ALL SELECT 'noisy_rules', key, json_array(value) FROM form, json_each(r, '$.detection.noisy')
UNION ALL SELECT 'deliveries', key, json_array(value ->> 'target', value ->> 'delivered', value ->> 'dead', value ->> 'pending') FROM form, json_each(r, '$.detection.targets')
UNION ALL SELECT 'recommendations', key, json_array(value ->> 'rank', value ->> 'text', value ->> 'owner', value ->> 'effect', iif(value ->> 'is_repeated', 'last week or before', 'this week')) FROM form, json_each(r, '$.recommendations')
UNION ALL SELECT 'carried_over', key, json_array(value ->> 'text', iif(value ->> 'is_done', 'done', 'not done')) FROM form, json_each(r, '$.carried_over')
UNION ALL SELECT 'thresholds', key, json_array(value ->> 'name', value ->> 'value') FROM form, json_each(r, '$.appendix.thresholds')
UNION ALL SELECT 'dictionary', key, json_array(value ->> 'term', value ->> 'meaning') FROM form, json_each(r, '$.appendix.dictionary')
UNION ALL SELECT 'figures', m.key, json_array(m.value ->> 0, r ->> (m.value ->> 1)) FROM form, json_each('[
    ["hours", "$.header.hours"], ["hours_with_events", "$.header.hours_with_events"], ["coverage", "$.header.coverage"],
    ["events_read", "$.header.events_read"], ["events_unreadable", "$.header.events_unreadable"],
    ["events_late", "$.header.events_late"], ["alerts_unreadable", "$.header.alerts_unreadable"], ["incidents_opened", "$.summary.opened"],
    ["incidents_opened_before", "$.summary.opened_before"], ["incidents_closed", "$.summary.closed"],
    ["incidents_closed_before", "$.summary.closed_before"], ["incidents_open_at_end", "$.summary.open_at_end"],
    ["identities_at_risk", "$.risk.identities"], ["alerts", "$.signals.alerts"], ["identities_with_alerts", "$.signals.identities"],
    ["bytes_out", "$.signals.bytes_out.week"], ["bytes_out_before", "$.signals.bytes_out.before"],
    ["vectors_out", "$.signals.vectors_out.week"], ["vectors_out_before", "$.signals.vectors_out.before"],
    ["unapproved", "$.assets.unapproved_total"], ["orders", "$.enforcement.order_count"],
    ["orders_in_force", "$.enforcement.in_force"], ["orders_observed", "$.enforcement.observed"],
    ["orders_undone", "$.enforcement.undone"], ["orders_mistaken", "$.enforcement.mistaken"],
    ["would_have_acted", "$.enforcement.would_have_acted"], ["refused_by_budget", "$.enforcement.refused_by_budget"],
    ["most_orders_within_an_hour", "$.enforcement.most_within_an_hour"], ["spared_protected", "$.enforcement.spared_protected"],
    ["approvals_asked", "$.enforcement.asked"], ["approvals_granted", "$.enforcement.granted"],
    ["approvals_denied", "$.enforcement.denied"], ["approvals_expired", "$.enforcement.expired"],
    ["approvals_pending", "$.enforcement.pending"], ["mean_time_to_act", "$.enforcement.mean_time_to_act"],
    ["changes", "$.changes.count"], ["changes_out_of_window", "$.changes.out_of_window"],
    ["changes_without_id", "$.changes.without_change_id"], ["changes_denied", "$.changes.denied"],
    ["mean_time_to_detect", "$.detection.mean_time_to_detect"], ["arrival_p95", "$.detection.arrival_p95"],
    ["silenced", "$.detection.silenced"], ["inhibited", "$.detection.inhibited"],
    ["muted", "$.detection.muted"], ["deliveries", "$.detection.deliveries"], ["delivered", "$.detection.delivered"], ["dead", "$.detection.dead"],
    ["delivery_success", "$.detection.delivery_success"], ["delivery_p95", "$.detection.delivery_p95"],
    ["evidence_rows", "$.appendix.integrity.rows"], ["evidence_hash", "$.appendix.integrity.hash"]]') m;
SELECT t || '.csv', (SELECT json_group_array(json(row)) FROM (SELECT row FROM rows_of o WHERE o.t = i.t ORDER BY n)) FROM (SELECT DISTINCT t FROM rows_of) i;
