CREATE TEMP TABLE records AS
SELECT c.id, c.kind, c.at, c.until, c.who, c.state, c.text, c.words, c.record,
    coalesce(c.incident_id, (SELECT incident_id FROM hub.incident_alerts WHERE alert_id = json_extract(c.record, '$.alert_uid'))) AS incident
FROM hub.incident_controls c, week WHERE c.at BETWEEN start AND stop - 1;
CREATE TEMP TABLE issued AS
SELECT r.*, r.at - coalesce((SELECT time FROM hub.incident_alerts WHERE alert_id = json_extract(record, '$.alert_uid')),
        (SELECT time FROM hub.incident_alerts a WHERE a.incident_id = incident AND a.time <= r.at ORDER BY time DESC LIMIT 1)) AS delay,
    ifnull(incident IN (SELECT id FROM hub.incidents WHERE disposition IN ('false', 'benign')), 0) AS mistaken
FROM records r WHERE kind = 'order';
-- Granted: as many persons said yes as it takes, whatever came of it later.
CREATE TEMP TABLE asks AS
SELECT r.*, CASE WHEN state = 'expired' AND (SELECT count(DISTINCT json_extract(value, '$.by')) FROM json_each(words)
        WHERE json_extract(value, '$.verdict') = 'approve') >= json_extract(record, '$.needed') THEN 'approved' ELSE state END AS end,
    (SELECT group_concat(by, ', ') FROM (SELECT DISTINCT json_extract(value, '$.by') AS by FROM json_each(words) ORDER BY by)) AS deciders
FROM records r WHERE kind = 'approval';
-- Of a refusal its code.
CREATE TEMP TABLE decided AS
SELECT json_extract(json, '$.unmapped.response.decision') AS decision, iif(json_extract(json, '$.unmapped.response.decision') = 'refused',
    replace(json_extract(json, '$.unmapped.response.reason'), ltrim(json_extract(json, '$.unmapped.response.reason'), 'abcdefghijklmnopqrstuvwxyz '), ''),
    json_extract(json, '$.unmapped.response.reason')) AS reason, json_extract(json, '$.unmapped.response.order_uid') AS order_uid
FROM hub.alerts, week WHERE time BETWEEN start AND stop - 1 AND json_extract(json, '$.unmapped.response') IS NOT NULL;
SELECT 'enforcement', json_object(
    'order_count', (SELECT count(*) FROM issued),
    'in_force', (SELECT count(*) FROM issued WHERE state <> 'observed'), 'observed', (SELECT count(*) FROM issued WHERE state = 'observed'),
    'undone', (SELECT count(*) FROM issued WHERE state = 'lifted'),
    'mistaken', (SELECT count(*) FROM issued WHERE mistaken),
    'asked', (SELECT count(*) FROM asks), 'granted', (SELECT count(*) FROM asks WHERE end IN ('approved', 'used')),
    'denied', (SELECT count(*) FROM asks WHERE end = 'denied'), 'expired', (SELECT count(*) FROM asks WHERE end = 'expired'),
    'pending', (SELECT count(*) FROM asks WHERE end = 'pending'),
    'mean_time_to_act', (SELECT round(avg(delay)) FROM issued), 'timed_orders', (SELECT count(delay) FROM issued),
    'decisions', (SELECT json_group_array(json_object('decision', decision, 'reason', reason, 'alerts', alerts)) FROM (
        SELECT decision, reason, count(*) AS alerts FROM decided GROUP BY decision, reason ORDER BY count(*) DESC, decision, reason)),
    'would_have_acted', (SELECT count(order_uid) FROM decided WHERE decision = 'observed'),
    'refused_by_budget', (SELECT count(*) FROM decided WHERE reason = 'budget'),
    'spared_protected', (SELECT count(*) FROM decided WHERE reason = 'protected'),
    'most_within_an_hour', (SELECT ifnull(max(number), 0) FROM (
        SELECT count(*) OVER (ORDER BY at RANGE BETWEEN 3599999 PRECEDING AND CURRENT ROW) AS number FROM issued
        WHERE json_extract(record, '$.issuer.kind') = 'automation')),
    'protected', (SELECT json_group_array(json_object('who', json_object('name', identity, 'code', code), 'events', events,
        'denied', denied)) FROM (
            SELECT identity, code, sum(events) AS events, total(events) FILTER (WHERE decision = 'denied') AS denied
            FROM activity.hours JOIN activity.identities i ON i.id = identity_id JOIN codes USING (identity), week
            WHERE identity LIKE 'edge-_' AND hour * 3600000 BETWEEN start AND stop - 1
            GROUP BY identity ORDER BY sum(events) DESC, code)),
    'orders', (SELECT json_group_array(json_object('id', id, 'at', at, 'until', until, 'state', state, 'issuer', who, 'text', text,
        'incident', incident, 'is_mistaken', mistaken)) FROM (SELECT * FROM issued ORDER BY at, id LIMIT 50)),
    'approvals', (SELECT json_group_array(json_object('id', id, 'at', at, 'requester', who, 'state', end, 'decided_by', deciders,
        'text', text)) FROM (SELECT * FROM asks ORDER BY at, id LIMIT 50)));
